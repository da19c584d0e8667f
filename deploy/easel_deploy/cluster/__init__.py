"""What Terraform runs in an EKS cluster: releases by Helm, and the end of Karpenter's nodes."""
