# The region of the partition aws-cn, with default tags as environments have them.
provider "aws" {
  alias                       = "china"
  region                      = "cn-northwest-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true

  default_tags {
    tags = { Stack = "easel", Team = "pictures" }
  }
}
