"""Copies what a deployment pulls into the account's own registry, without a Docker engine."""
