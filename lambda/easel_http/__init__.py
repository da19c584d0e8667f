"""What the functions behind API Gateway share: events, callers, answers."""
