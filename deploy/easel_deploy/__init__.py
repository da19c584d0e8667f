"""What Terraform and `make` run: regions, clusters, releases."""
