"""Generative image models of the VAE and GAN family: train, measure, compare, explore."""

from gvae.version import __version__ as __version__


def load(run, device: str = "cpu", weights: str | None = None):
    """Open a trained run; see `gvae.loaded.load`, and `gvae.loaded.Loaded` for what it can do."""
    from gvae.loaded import load

    return load(run, device, weights)
