# us-west-2. What is not named here has the default of variables.tf.

region = "us-west-2"
name   = "easel"

# Tags of everything, beside Stack and ManagedBy. Nodes have them, too: a change replaces them all,
# one after the other.
tags = { Environment = "us-west-2" }

# Who is told when something is wrong (docs/alarms.md), and of 80 % of a month's budget spent.
# observability = {
#   mail_addresses = ["you@example.com"]
#   budget         = { amount_per_month = 500, currency = "USD" }
# }

# -- network ------------------------------------------------------------------------------------

vpc = {
  cidr_block = "10.0.0.0/16"
  # One NAT gateway for each zone survives the loss of a zone; "one" is a third of the price.
  nat_gateways = "one_per_zone"
  # Private ways to AWS, each at a price for each zone (`easel cost`): "ecr.api", "ecr.dkr", "sqs",
  # "sns", "sts", "logs", "ec2", "eks", "eks-auth", "ssm". S3 has one always, at no price.
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
  #   operators = { principal_arn = "arn:aws:iam::123456789012:role/operators", policy = "cluster-admin" }
  # }
}

# Controllers and add-ons run on Graviton: the price of x86 less a fifth.
system_nodes = { architecture = "arm64" }

# For Kubernetes 1.35. Others: .venv/bin/easel eks addons --region us-west-2 --kubernetes-version 1.35.
# One that is left out gets EKS's default for the Kubernetes version, which moves on with time.
addon_versions = {
  amazon-cloudwatch-observability = "v6.7.0-eksbuild.1"
  aws-mountpoint-s3-csi-driver    = "v2.8.0-eksbuild.1"
  coredns                         = "v1.14.6-eksbuild.4"
  eks-pod-identity-agent          = "v1.4.0-eksbuild.2"
  kube-proxy                      = "v1.35.3-eksbuild.29"
  metrics-server                  = "v0.9.0-eksbuild.11"
  vpc-cni                         = "v1.23.1-eksbuild.1"
}

# -- models and images --------------------------------------------------------------------------

# A bucket of yours; null: easel-models-<account>-us-west-2. The stack reads it, and never deletes it.
model_bucket_arn = null
# {}: the stack makes that bucket; a destroy keeps it. `easel models` fills and checks either.
model_bucket = {}

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
      # Several types make a wider Spot pool.
      instance_types = ["g5.xlarge", "g5.2xlarge", "g6.xlarge", "g6.2xlarge", "g4dn.xlarge", "g4dn.2xlarge"]
      capacity_types = ["spot", "on-demand"]
      # EBS snapshot that holds the images: a node is ready in seconds, not minutes.
      # snapshot_id = "snap-0123456789abcdef0"
    }
  }
}
