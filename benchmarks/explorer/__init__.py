"""The explorer in a browser and under load."""
