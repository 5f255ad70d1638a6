"""Generative image models of the VAE and GAN family: train, measure, compare, explore.

    data = gvae.open_data("mnist")                                  # a name, a folder, or a uint8 array
    model = gvae.VAE(data.spec, latent=48, prior="mixture")         # every model by its class
    run = gvae.train(model, data, minutes=10, out="runs/a")         # or gvae.train("gvae", data, minutes=10)
    x = run.sample(64, seed=0)                                      # (64, 1, 28, 28) in [-1, 1]
    numbers = run.evaluate(metrics=["fd", "coverage"])
    gvae.compare(["runs/a", "runs/b"]).to_markdown()

`gvae.metrics` has every metric as a function of arrays; `gvae.priors`, `gvae.flows` and `gvae.nets` serve alone. Importing
gvae imports nothing heavy: each name is loaded at its first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gvae.version import __version__ as __version__

if TYPE_CHECKING:
    from gvae import data, metrics, models, nets, priors
    from gvae.api import ComparisonTable, TrainedRun, compare, evaluate, load, open_data, train
    from gvae.data.dataset import Dataset
    from gvae.errors import GvaeError
    from gvae.models import MODELS
    from gvae.models.aae import AAE
    from gvae.models.ac_gan import ACGAN
    from gvae.models.ac_wgan import ACWGAN
    from gvae.models.alpha_gan import AlphaGAN
    from gvae.models.autoencoder import Autoencoder
    from gvae.models.avb import AVB
    from gvae.models.cgan import CGAN
    from gvae.models.cvae import CVAE
    from gvae.models.draw import DRAW
    from gvae.models.draw_vgp import DRAWVGP
    from gvae.models.gan import GAN
    from gvae.models.gvae import GVAE
    from gvae.models.pca import PCA
    from gvae.models.vae import VAE
    from gvae.models.vae_gan import VAEGAN
    from gvae.models.vae_hvi import VAEHVI
    from gvae.models.vae_iaf import VAEIAF
    from gvae.models.vae_nf import VAENF
    from gvae.models.vae_vgp import VAEVGP
    from gvae.models.wgan import WGAN
    from gvae.models.wgan_gp import WGANGP
    from gvae.nets import flows
    from gvae.runs import Run
    from gvae.types import DataSpec

_PLACES = {
    **dict.fromkeys(("ComparisonTable", "TrainedRun", "compare", "evaluate", "load", "open_data", "train"), "gvae.api"),
    "Dataset": "gvae.data.dataset",
    "DataSpec": "gvae.types",
    "GvaeError": "gvae.errors",
    "MODELS": "gvae.models",
    "Run": "gvae.runs",
}
"""name -> the module that has it"""
_MODULES = {
    "flows": "gvae.nets.flows",
    **{name: f"gvae.{name}" for name in ("data", "metrics", "models", "nets", "priors")},
}


def __getattr__(name: str) -> Any:
    """A name of the interface, loaded when it is first used."""
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _PLACES:
        found = getattr(import_module(_PLACES[name]), name)
    else:
        from gvae.models import MODELS, resolve

        known = {where.rpartition(":")[2]: model for model, where in MODELS.items()}
        if name not in known:
            raise AttributeError(f"module 'gvae' has no attribute '{name}'")
        found = resolve(known[name])
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    """What the interface offers."""
    return list(__all__)


__all__ = [
    "AAE",
    "ACGAN",
    "ACWGAN",
    "AVB",
    "CGAN",
    "CVAE",
    "DRAW",
    "DRAWVGP",
    "GAN",
    "GVAE",
    "MODELS",
    "PCA",
    "VAE",
    "VAEGAN",
    "VAEHVI",
    "VAEIAF",
    "VAENF",
    "VAEVGP",
    "WGAN",
    "WGANGP",
    "AlphaGAN",
    "Autoencoder",
    "ComparisonTable",
    "DataSpec",
    "Dataset",
    "GvaeError",
    "Run",
    "TrainedRun",
    "__version__",
    "compare",
    "data",
    "evaluate",
    "flows",
    "load",
    "metrics",
    "models",
    "nets",
    "open_data",
    "priors",
    "train",
]
