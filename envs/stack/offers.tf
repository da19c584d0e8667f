# What the plan says where a region does not offer what is asked for. Instance types are asked of EC2.
# The rest are warnings, no refusals: what is known is written in modules/offers.json, with its sources,
# and AWS may offer more by now.

locals {
  partitions = jsondecode(file("${path.root}/../../modules/offers.json"))
  offers = try(local.partitions[local.partition], {
    addons_missing = []
    missing        = []
  })

  types_not_offered = {
    for name, runtime in module.runtime : name => [
      for type in runtime.instance_types : type
      if can(regex("^[gp]", type)) && !contains(data.aws_ec2_instance_type_offerings.gpus.instance_types, type)
    ]
  }
  runtimes_without_nodes = [
    for name, types in local.types_not_offered : name
    if length(types) > 0 && length(types) == length(module.runtime[name].instance_types)
  ]
  addons_not_offered = setsubtract(local.offers.addons_missing, var.addons_left_out)
}

# Not of the runtimes' own types: as a reader of module.runtime it would be read during the apply.
data "aws_ec2_instance_type_offerings" "gpus" {
  filter {
    name   = "instance-type"
    values = ["g*", "p*"]
  }
}

check "instance_types_are_offered" {
  assert {
    condition     = alltrue([for types in values(local.types_not_offered) : length(types) == 0])
    error_message = "Not on offer in ${var.region}: ${join("; ", [for name, types in local.types_not_offered : "${join(", ", types)} (runtime ${name})" if length(types) > 0])}. Karpenter passes over a type that is not there. Take them out of nodes.instance_types."
  }
}

check "addons_are_offered" {
  assert {
    condition     = length(local.addons_not_offered) == 0
    error_message = "Not seen to be offered as an add-on in ${var.region}: ${join(", ", local.addons_not_offered)}. Put it into addons_left_out; `easel eks addons --region ${var.region}` asks EKS what there is."
  }
}

check "charts_and_images_are_reached" {
  assert {
    condition     = var.mirror_prefix != null || !contains(local.offers.missing, "public_registries")
    error_message = "${var.region} has no public ECR, and registries abroad are slow or out of reach: copy the charts and images of Karpenter and KEDA into this account's ECR (easel mirror), and set mirror_prefix. See docs/china.md."
  }
}

check "callers_get_an_answer" {
  assert {
    condition     = var.authorization != "API_KEY" || !contains(local.offers.missing, "key_authorization")
    error_message = "In ${var.region} API Gateway answers requests without an authorizer only where the account has an ICP licence, and an API key probably counts as none. Set authorization = \"AWS_IAM\", unless the account has the licence. See docs/china.md."
  }
}

check "tracing_is_offered" {
  assert {
    condition     = !var.tracing_enabled || !contains(local.offers.missing, "tracing")
    error_message = "Lambda has no X-Ray in ${var.region}: set tracing_enabled = false."
  }
}
