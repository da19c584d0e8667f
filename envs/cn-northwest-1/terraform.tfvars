# cn-northwest-1, AWS China (Ningxia). What is not named here has the default of variables.tf.
# Read docs/china.md first: images, charts and models have to be in this account before the apply.

region = "cn-northwest-1"
name   = "easel"

# Tags of everything, beside Stack and ManagedBy. Nodes have them, too: a change replaces them all,
# one after the other.
tags = { Environment = "cn-northwest-1" }

# Who is told when something is wrong (docs/alarms.md), and of 80 % of a month's budget spent.
# observability = {
#   mail_addresses = ["you@example.com"]
#   budget         = { amount_per_month = 3500, currency = "CNY" }
# }

# -- network ------------------------------------------------------------------------------------

vpc = {
  cidr_block = "10.0.0.0/16"
  # One NAT gateway for each zone survives the loss of a zone; "one" is a third of the price.
  # Karpenter needs a way out: prices are asked for at a public endpoint.
  nat_gateways = "one_per_zone"
  # Private ways to AWS, each with a price for each zone: "ecr.api", "ecr.dkr", "sqs", "sns",
  # "sts", "logs", "ec2", "eks", "eks-auth", "ssm". S3 has one always, at no price.
  interface_endpoints = []
}

# A network of your own instead; its subnets are private and in at least two zones.
# existing_vpc = {
#   vpc_id      = "vpc-0123456789abcdef0"
#   subnet_ids  = ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]
#   cidr_blocks = ["10.0.0.0/16"]
# }

# -- cluster ------------------------------------------------------------------------------------

cluster = {
  kubernetes_version = "1.35"
  # Terraform installs Karpenter, KEDA and the runtimes through the cluster's API. Over the internet
  # it is reached from these addresses, such as ["203.0.113.7/32"]; without any, from the network only:
  public_access_cidrs = []
  # from its own addresses, or in place of them from those of a VPN or of peered networks.
  # private_access_cidrs = ["10.0.0.0/16", "172.16.0.0/24"]
  # Where the account's EBS volumes are encrypted with a key of your own: its ARN.
  volume_kms_key_arns = []
  # Others who may use the cluster; whoever applies first is its administrator. "cluster-admin" may
  # apply and destroy; "admin", "edit" and "view" may look after what runs in it.
  # access_entries = {
  #   operators = { principal_arn = "arn:aws-cn:iam::123456789012:role/operators", policy = "cluster-admin" }
  # }
}

system_nodes = { architecture = "x86_64" }

# Add-ons come to China later than elsewhere. Empty: EKS's defaults for the Kubernetes version, which
# move on with time. Before the first apply replace this by what is printed by
# .venv/bin/easel eks addons --region cn-northwest-1 --kubernetes-version 1.35
addon_versions = {
  # coredns = "v1.14.6-eksbuild.4"
}

# EKS was not seen to offer it in AWS China (eksctl leaves it out here, too), and nothing here needs
# it: `kubectl top` does. Others that turn out to be missing go in here as well.
addons_left_out = ["metrics-server"]

# Charts and images of Karpenter and KEDA come from this account's ECR, from repositories that
# begin with this: AWS China has no public ECR, and does not reach others reliably.
mirror_prefix = "easel"

# -- API ----------------------------------------------------------------------------------------

# An API that anybody may call needs an ICP licence in China, and a key probably counts as anybody.
# Without a licence take "AWS_IAM": callers then sign their requests with AWS credentials.
authorization = "API_KEY"

# Lambda has no X-Ray here.
tracing_enabled = false

# -- models and images --------------------------------------------------------------------------

# A bucket of yours; null: easel-models-<account>-cn-northwest-1. The stack reads it, and never deletes it.
model_bucket_arn = null
# {}: the stack makes that bucket; a destroy keeps it. `easel models` fills and checks either.
model_bucket = null

# Without a registry's name: a repository in this account's ECR.
agent_image = { repository = "easel/queue-agent", tag = "0.1.0" }

# -- runtimes -----------------------------------------------------------------------------------

runtimes = {
  sdruntime = {
    type           = "sdwebui"
    model_filename = "v1-5-pruned-emaonly.safetensors"
    image          = { repository = "easel/sd-webui", tag = "1.10.1" }
    # Tasks for each pod, and pods at least and at most.
    scaling = { queue_length = 10, min_replica_count = 0, max_replica_count = 5 }
    nodes = {
      # There is no g6 here. Several types make a wider Spot pool.
      instance_types = ["g5.xlarge", "g5.2xlarge", "g4dn.xlarge", "g4dn.2xlarge"]
      capacity_types = ["spot", "on-demand"]
      # EBS snapshot that holds the images: a node is ready in seconds, not minutes.
      # snapshot_id = "snap-0123456789abcdef0"
    }
  }

  comfyui = {
    type    = "comfyui"
    image   = { repository = "easel/comfyui", tag = "0.8.2" }
    scaling = { queue_length = 10, min_replica_count = 0, max_replica_count = 5 }
    nodes = {
      instance_types = ["g5.xlarge", "g5.2xlarge"]
      capacity_types = ["spot", "on-demand"]
    }
  }
}
