"""ComfyUI: the adapter, and all that is known of its API."""
