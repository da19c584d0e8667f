"""The intake function: validates a request, finds its runtime and publishes the task."""
