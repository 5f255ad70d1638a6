"""The named data sets: what each is, what its authors allow, and where it is opened. No torch, no numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
    """those of `ReadOptions` that `open` understands; and scratch, if it decodes into a file that it is given"""
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

PREPARED = Source("prepared", "", "", "", "gvae.data.store:read_prepared", options=("size",))
"""a folder that `prepare` made"""
