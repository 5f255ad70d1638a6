"""Pure per-sample functions: they know neither configuration nor device and return (B,) nats or scores."""
