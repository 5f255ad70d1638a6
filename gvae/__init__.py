"""Generative image models of the VAE and GAN family: train, measure, compare, explore."""

__version__ = "0.1.0"


def load(run, device: str = "cpu"):
    """Open a trained run: `.sample(n)`, `.encode(x)`, `.decode(z)`, `.reconstruct(x)`; see `gvae.api.Loaded`."""
    from gvae.api import load

    return load(run, device)
