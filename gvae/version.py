"""The version of gvae; it is written into every run."""

__version__ = "0.2.0"
