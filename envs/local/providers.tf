# The endpoint, the region and the file with the key come from the environment (AWS_ENDPOINT_URL,
# AWS_SHARED_CREDENTIALS_FILE, ...).
# What an emulator cannot answer is not asked; the partition then follows from the region.
provider "aws" {
  region = "us-east-1"

  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}
