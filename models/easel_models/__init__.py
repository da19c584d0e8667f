"""Models in their bucket: checked, uploaded, listed, removed."""
