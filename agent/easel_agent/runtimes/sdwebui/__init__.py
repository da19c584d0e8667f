"""SD WebUI and its relatives: the adapter, and all that is known of the API."""
