"""The wire: every message that easel's parts and its users exchange, defined once."""
