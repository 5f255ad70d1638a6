"""One file per verb: options as a dataclass, then a few calls into the package. Torch is imported inside."""
