"""Generative image models of the VAE and GAN family: train, measure, compare, explore."""

__version__ = "0.1.0"


def load(run, device: str = "cpu", weights: str | None = None):
    """Open a trained run: `.sample(n)`, `.encode(x)`, `.decode(z)`, `.reconstruct(x)`, weights "last" or "best"; see `gvae.api.Loaded`."""
    from gvae.api import load

    return load(run, device, weights)
