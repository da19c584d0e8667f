"""Records of tasks and idempotency keys in DynamoDB, for the intake, the reader and the agent."""
