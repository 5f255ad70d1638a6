"""Generative image models of the VAE and GAN family: train, measure, compare, explore."""

__version__ = "0.1.0"


def load(run, device: str = "cpu", weights: str | None = None):
    """Open a trained run; see `gvae.api.load`, and `gvae.api.Loaded` for what it can do."""
    from gvae.api import load

    return load(run, device, weights)
