"""Sources, their preparation, and the reader."""
