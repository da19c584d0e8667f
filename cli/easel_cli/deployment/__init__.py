"""`easel deploy`: from an account to a stack that makes pictures, step by step."""
