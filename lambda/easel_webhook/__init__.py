"""The webhook function: POSTs callbacks to the URLs that their senders named, signed."""
