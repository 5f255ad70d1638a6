"""Data sets: `open_data` turns a name or a path into a `Dataset`. No torch, no numpy until then."""

from __future__ import annotations

import dataclasses
import importlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gvae.data.paths import default_root, existing, folders, nearest
from gvae.errors import GvaeError, choose

if TYPE_CHECKING:
    from gvae.data.dataset import Dataset


@dataclass(frozen=True)
class Source:
    """Where a data set comes from."""

    name: str
    """name on the command line"""
    about: str
    """one line: what the images are, how many, how large"""
    licence: str
    """what its authors allow"""
    citation: str
    """whom to cite"""
    open: str | Callable[..., Dataset]
    """function (root, **options) -> Dataset, or where it is, as "package.module:name" """
    options: tuple[str, ...] = ()
    """options of `open_data` that `open` understands"""
    files: str = ""
    """where the checksums and mirrors are, or a function that fetches ("package.module:NAME"), if `fetch` can get it"""


DATASETS: dict[str, Source] = {
    "digits": Source(
        "digits",
        "1,797 handwritten digits, gray, 8x8 pixels; ships with scikit-learn, needs no download",
        "CC BY 4.0 (UCI Machine Learning Repository)",
        "E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI, 1998, doi:10.24432/C50P49",
        "gvae.data.digits:open_digits",
    ),
    "mnist": Source(
        "mnist",
        "70,000 handwritten digits, gray, 28x28 pixels",
        "CC BY-SA 3.0 (Y. LeCun, C. Cortes, C. Burges)",
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document"
        " recognition, 1998",
        "gvae.data.mnist:open_mnist",
        files="gvae.data.mnist:MNIST",
    ),
    "fashion-mnist": Source(
        "fashion-mnist",
        "70,000 articles of clothing, gray, 28x28 pixels",
        "MIT (Zalando SE)",
        "H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST, 2017, arXiv:1708.07747",
        "gvae.data.mnist:open_fashion_mnist",
        files="gvae.data.mnist:FASHION_MNIST",
    ),
    "cifar10": Source(
        "cifar10",
        "60,000 photographs of ten classes of animals and vehicles, colour, 32x32 pixels",
        "no formal licence (A. Krizhevsky, V. Nair, G. Hinton); for research, cite the report",
        "A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009",
        "gvae.data.cifar10:open_cifar10",
        files="gvae.data.cifar10:fetch_cifar10",
    ),
    "char74k": Source(
        "char74k",
        "74,107 English characters of 62 classes: computer fonts (Fnt), drawn by hand (Hnd), from photographs (Img)",
        "no formal licence; for non-commercial research (T. de Campos, B. Babu, M. Varma)",
        "T. de Campos, B. Babu, M. Varma: Character recognition in natural images, VISAPP 2009",
        "gvae.data.char74k:open_char74k",
        options=("size", "fit", "channels", "skip_broken", "scratch"),
    ),
    "mnist-dynamic": Source(
        "mnist-dynamic",
        "MNIST in black and white, drawn anew at every read with the gray value as probability",
        "CC BY-SA 3.0 (Y. LeCun, C. Cortes, C. Burges)",
        "R. Salakhutdinov, I. Murray: On the quantitative analysis of deep belief networks, 2008",
        "gvae.data.binary:open_dynamic",
    ),
    "mnist-static": Source(
        "mnist-static",
        "MNIST in black and white once for all: the published .amat files if they are there, else a draw under seed 0",
        "CC BY-SA 3.0 (Y. LeCun, C. Cortes, C. Burges)",
        "H. Larochelle, I. Murray: The neural autoregressive distribution estimator, 2011",
        "gvae.data.binary:open_static",
    ),
    "toy4": Source(
        "toy4",
        "four one-hot points of 2x2 pixels, equally probable, on which log-likelihoods can be computed exactly",
        "none needed",
        "L. Mescheder, S. Nowozin, A. Geiger: Adversarial Variational Bayes, 2017, arXiv:1701.04722",
        "gvae.data.binary:open_toy4",
    ),
    "folder": Source(
        "folder",
        "your own images (PNG, JPEG, WebP, TIFF, BMP), given as PATH or folder:PATH; sub-folders are classes",
        "not known to gvae: the images are yours",
        "",
        "gvae.data.folder:open_folder",
        options=("size", "fit", "channels", "skip_broken", "scratch"),
    ),
}
"""every named source; adding one is a file beside this one and a line here"""

_PREPARED = Source("prepared", "", "", "", "gvae.data.store:read_prepared", options=("size",))


def open_data(
    source: str,
    root: Path | str | None = None,
    *,
    size: int | None = None,
    fit: str | None = None,
    channels: int | None = None,
    skip_broken: bool = False,
) -> Dataset:
    """Open a data set.

    Args:
        source: a name (see `DATASETS`), NAME:PATH, a prepared folder, a folder of images,
            or package.module:function.
        root: where named sources are looked for; default: GVAE_DATA, else the user's cache.
        size: side of the square images in pixels (folders of images).
        fit: what becomes of images that are not square: crop (default), pad with black, or stretch.
        channels: 1 or 3; default: 3 if any image has colours.
        skip_broken: leave unreadable images out and list them in the facts, instead of refusing the folder.

    Raises:
        GvaeError: no such data set (with the nearest name), missing or damaged files, an option that does
            not apply.

    >>> data = open_data("digits")
    >>> len(data), data.spec.shape, {name: len(part) for name, part in data.splits.items()}
    (1797, (8, 8), {'train': 1439, 'val': 179, 'test': 179})
    """
    found, place = _find(source, root)
    return _open(found, place, {"size": size, "fit": fit, "channels": channels, "skip_broken": skip_broken})


def prepare(
    source: str,
    out: Path | str,
    root: Path | str | None = None,
    *,
    size: int | None = None,
    fit: str | None = None,
    channels: int | None = None,
    skip_broken: bool = False,
) -> Dataset:
    """Write the prepared form of a data set to the folder `out` and return it memory-mapped.

    A folder of images is decoded into a temporary file beside `out`: the data may be larger than memory.

    Args:
        source, root, size, fit, channels, skip_broken: as in `open_data`.

    Raises:
        GvaeError: whatever `open_data` raises; `out` is not empty; the disk is full.
    """
    from gvae.data.store import check_free, read_prepared, write_prepared

    out = Path(out).expanduser().absolute()
    found, place = _find(source, root)
    check_free(out)
    options = {"size": size, "fit": fit, "channels": channels, "skip_broken": skip_broken}
    with tempfile.TemporaryDirectory(
        dir=out.parent, prefix=f".{out.name}.", ignore_cleanup_errors=True
    ) as folder:
        if "scratch" in found.options:
            options["scratch"] = Path(folder) / "images.npy"
        write_prepared(_open(found, place, options), out)
    return read_prepared(out)


def load_object(where: str) -> Any:
    """Import "package.module:name".

    Raises:
        GvaeError: no such module or name.
    """
    module, _, name = where.partition(":")
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise GvaeError(f"cannot import {module} of '{where}' ({error}); give package.module:name") from error
    return getattr(
        found, choose(f"name in {module}", name, [n for n in vars(found) if not n.startswith("_")])
    )


def _find(source: str, root: Path | str | None) -> tuple[Source, Path | None]:
    """The source that is meant, and where its files are looked for."""
    name, _, place = source.partition(":")
    path = Path(source).expanduser()
    if name in DATASETS:
        within = place or root
        return DATASETS[name], Path(within).expanduser() if within else None
    if (path / "dataset.json").exists():
        return _PREPARED, path
    if path.exists():
        return DATASETS["folder"], existing(path)
    if place and name.replace(".", "").isidentifier():
        about = Source(source, source, "not known to gvae", "", source, DATASETS["folder"].options[:-1])
        return about, None if root is None else Path(root).expanduser()
    raise _unknown(source)


def _open(source: Source, root: Path | None, options: dict[str, Any]) -> Dataset:
    """Call the source's function and put what is known about it into the facts."""
    given = {key: value for key, value in options.items() if value not in (None, False)}
    wrong = [key for key in given if key not in source.options]
    if wrong:
        raise GvaeError(
            f"option {wrong[0]} does not apply to {source.name} data, whose form is fixed; leave it out"
        )
    function = load_object(source.open) if isinstance(source.open, str) else source.open
    dataset = function(root, **given)
    known = {"source": source.about, "licence": source.licence, "citation": source.citation}
    return dataclasses.replace(dataset, facts={**known, **dataset.facts})


def _unknown(source: str) -> GvaeError:
    """The error for a source that is neither a name nor a path."""
    name = source.partition(":")[0]
    slip = get_close_matches(name, folders(Path.cwd()), 1, 0.6) and not get_close_matches(
        name, DATASETS, 1, 0.5
    )
    if slip or len(Path(source).parts) > 1:
        return GvaeError(f"there is no data set or folder {source}{nearest(Path(source).expanduser())}")
    try:
        choose("data set", name, DATASETS)
    except GvaeError as error:
        return GvaeError(f"{error}; or give the path of a folder of images")
    return GvaeError(f"there is no data set {source}")


__all__ = ["DATASETS", "Source", "default_root", "load_object", "open_data", "prepare"]
