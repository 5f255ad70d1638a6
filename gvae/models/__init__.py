"""The models. Adding one is a file beside these and a line in `MODELS`; importing this module imports no torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from gvae.errors import GvaeError, choose

if TYPE_CHECKING:
    from gvae.models.base import Model

MODELS: dict[str, str] = {
    "vae": "gvae.models.vae:VAE",
    "wgan-gp": "gvae.models.wgan_gp:WGANGP",
    "vae-gan": "gvae.models.vae_gan:VAEGAN",
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
    module, _, attribute = where(name).partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise GvaeError(f"model '{name}' cannot be imported: {error}; write package.module:Class") from error
