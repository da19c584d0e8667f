"""Makes EBS snapshots of Bottlerocket's data volume that hold container images."""
