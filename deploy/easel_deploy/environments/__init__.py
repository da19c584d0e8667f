"""The folders under envs/: a new region, and a destroy that keeps pictures."""
