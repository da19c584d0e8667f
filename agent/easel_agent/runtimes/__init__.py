"""Adapters: one module per SD runtime; nothing else knows a runtime's HTTP API."""
