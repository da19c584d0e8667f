"""The `easel` command line and the glue that Make and Terraform call."""
