"""Load tests of a stack: sends tasks at a chosen rate and reports what their senders feel."""
