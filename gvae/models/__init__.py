"""The models. Adding one is a file beside these and a line in `MODELS`; importing this module imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from gvae.errors import GvaeError, choose
from gvae.imports import load_object

if TYPE_CHECKING:
    from torch import nn

    from gvae.models.base import Model
    from gvae.types import DataSpec

MODELS: dict[str, str] = {
    "autoencoder": "gvae.models.autoencoder:Autoencoder",
    "pca": "gvae.models.pca:PCA",
    "vae": "gvae.models.vae:VAE",
    "cvae": "gvae.models.cvae:CVAE",
    "vae-nf": "gvae.models.vae_nf:VAENF",
    "vae-iaf": "gvae.models.vae_iaf:VAEIAF",
    "vae-hvi": "gvae.models.vae_hvi:VAEHVI",
    "vae-vgp": "gvae.models.vae_vgp:VAEVGP",
    "draw": "gvae.models.draw:DRAW",
    "draw-vgp": "gvae.models.draw_vgp:DRAWVGP",
    "aae": "gvae.models.aae:AAE",
    "avb": "gvae.models.avb:AVB",
    "gan": "gvae.models.gan:GAN",
    "cgan": "gvae.models.cgan:CGAN",
    "wgan": "gvae.models.wgan:WGAN",
    "wgan-gp": "gvae.models.wgan_gp:WGANGP",
    "ac-gan": "gvae.models.ac_gan:ACGAN",
    "ac-wgan": "gvae.models.ac_wgan:ACWGAN",
    "vae-gan": "gvae.models.vae_gan:VAEGAN",
    "alpha-gan": "gvae.models.alpha_gan:AlphaGAN",
    "gvae": "gvae.models.gvae:GVAE",
}
"""name on the command line -> module:class"""


def where(name: str) -> str:
    """`module:class` of a registered model, or `name` itself if it has that form."""
    return name if ":" in name else MODELS[choose("model", name, MODELS)]


def resolve(name: str) -> type[Model]:
    """The class of a model, by its name in `MODELS` or as `package.module:Class`.

    Raises:
        GvaeError: no such model, module or class.
    """
    return load_object(where(name), "model")


def build(kind: type[Model], config: Any, spec: DataSpec, networks: Mapping[str, nn.Module] | None = None) -> Model:
    """A model with fresh weights.

    Raises:
        GvaeError: options that do not fit together or to the data; networks larger than the memory.
    """
    try:
        return kind(spec, config, **(networks or {}))
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "memory" in str(error) or "overflow" in str(error):
            raise GvaeError(
                f"the networks of {kind.__name__} do not fit into memory; lower --net.width or --latent"
            ) from error
        raise
