"""Training steps and likelihood estimates against other implementations."""
