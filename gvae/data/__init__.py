"""Data sets: `open_data` turns a name or a path into a `Dataset`. No torch, no numpy until then."""

from gvae.data.files.paths import default_root
from gvae.data.open import open_data, options_of, prepare
from gvae.data.options import ReadOptions
from gvae.data.registry import DATASETS, Source
from gvae.imports import load_object

__all__ = ["DATASETS", "ReadOptions", "Source", "default_root", "load_object", "open_data", "options_of", "prepare"]
