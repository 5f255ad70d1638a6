"""Why defaults are what they are, and what models do."""
