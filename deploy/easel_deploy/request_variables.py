"""Environment variables in which Terraform's modules hand over their requests, as JSON.

Apart from the commands that read the requests: their names are in the command line's help, and
`easel-deploy` shall not import what its other commands need (see `easel_deploy.main`).
"""

RELEASE_VARIABLE = "EASEL_RELEASE"
"""See modules/helm-release/main.tf."""

CLUSTER_VARIABLE = "EASEL_CLUSTER"
"""See modules/eks-karpenter."""

PROBE_VARIABLE = "EASEL_PROBE"
"""See modules/runtime/subscription.tf."""

WEBHOOK_VARIABLE = "EASEL_WEBHOOK_SECRET"
"""See modules/api-fanout/webhook.tf."""
