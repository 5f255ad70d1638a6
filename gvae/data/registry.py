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
    """function (root, options: ReadOptions, scratch) -> Dataset, of which it may lack the last two; or, outside code, with
    the options that it understands as keywords; or where it is, as "package.module:name" """
    options: tuple[str, ...] = ()
    """those of `ReadOptions` that `open` understands; and scratch, if it decodes into a file that it is given"""
    files: str = ""
    """where the checksums and mirrors are, or a function that fetches ("package.module:NAME"), if `fetch` can get it"""


CT = ("size", "form", "block", "spacing", "window", "organ", "skip_broken", "scratch")
"""options of computed tomography"""
LISTED = ("size", "fit", "channels", "image_column", "label_column", "skip_broken", "scratch")
"""options of sets that hold encoded images in tables or archives"""

DATASETS: dict[str, Source] = {
    "digits": Source(
        "digits",
        "1,797 handwritten digits, gray, 8x8 pixels; ships with scikit-learn, needs no download",
        "CC BY 4.0 (UCI Machine Learning Repository)",
        "E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI, 1998, doi:10.24432/C50P49",
        "gvae.data.sources.digits:open_digits",
    ),
    "mnist": Source(
        "mnist",
        "70,000 handwritten digits, gray, 28x28 pixels",
        "CC BY-SA 3.0 (Y. LeCun, C. Cortes, C. Burges)",
        "Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-based learning applied to document recognition, 1998",
        "gvae.data.sources.mnist:open_mnist",
        files="gvae.data.sources.mnist:MNIST",
    ),
    "fashion-mnist": Source(
        "fashion-mnist",
        "70,000 articles of clothing, gray, 28x28 pixels",
        "MIT (Zalando SE)",
        "H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST, 2017, arXiv:1708.07747",
        "gvae.data.sources.mnist:open_fashion_mnist",
        files="gvae.data.sources.mnist:FASHION_MNIST",
    ),
    "cifar10": Source(
        "cifar10",
        "60,000 photographs of ten classes of animals and vehicles, colour, 32x32 pixels",
        "no formal licence (A. Krizhevsky, V. Nair, G. Hinton); for research, cite the report",
        "A. Krizhevsky: Learning Multiple Layers of Features from Tiny Images, 2009",
        "gvae.data.sources.cifar10:open_cifar10",
        files="gvae.data.sources.cifar10:fetch_cifar10",
    ),
    "char74k": Source(
        "char74k",
        "74,107 English characters of 62 classes: computer fonts (Fnt), drawn by hand (Hnd), from photographs (Img)",
        "no formal licence; for non-commercial research (T. de Campos, B. Babu, M. Varma)",
        "T. de Campos, B. Babu, M. Varma: Character recognition in natural images, VISAPP 2009",
        "gvae.data.sources.char74k:open_char74k",
        options=("size", "fit", "channels", "skip_broken", "scratch"),
    ),
    "mnist-dynamic": Source(
        "mnist-dynamic",
        "MNIST in black and white, drawn anew at every read with the gray value as probability",
        "CC BY-SA 3.0 (Y. LeCun, C. Cortes, C. Burges)",
        "R. Salakhutdinov, I. Murray: On the quantitative analysis of deep belief networks, 2008",
        "gvae.data.sources.binary:open_dynamic",
    ),
    "mnist-static": Source(
        "mnist-static",
        "MNIST in black and white once for all: the published .amat files if they are there, else a draw under seed 0",
        "CC BY-SA 3.0 (Y. LeCun, C. Cortes, C. Burges)",
        "H. Larochelle, I. Murray: The neural autoregressive distribution estimator, 2011",
        "gvae.data.sources.binary:open_static",
    ),
    "toy4": Source(
        "toy4",
        "four one-hot points of 2x2 pixels, equally probable, on which log-likelihoods can be computed exactly",
        "none needed",
        "L. Mescheder, S. Nowozin, A. Geiger: Adversarial Variational Bayes, 2017, arXiv:1701.04722",
        "gvae.data.sources.binary:open_toy4",
    ),
    "celeba": Source(
        "celeba",
        "202,599 faces of 10,177 celebrities, colour, aligned, 178x218 pixels, 40 attributes",
        "non-commercial research only, no redistribution (MMLAB, The Chinese University of Hong Kong)",
        "Z. Liu, P. Luo, X. Wang, X. Tang: Deep Learning Face Attributes in the Wild, ICCV 2015",
        "gvae.data.sources.celeba:open_celeba",
        options=("size", "crop", "skip_broken", "scratch"),
    ),
    "celeba-hq": Source(
        "celeba-hq",
        "30,000 faces out of CelebA, colour, 1024x1024 pixels, 40 attributes",
        "CC BY-NC 4.0 on top of CelebA's terms: non-commercial research only",
        "T. Karras, T. Aila, S. Laine, J. Lehtinen: Progressive Growing of GANs, ICLR 2018, arXiv:1710.10196",
        "gvae.data.sources.celeba_hq:open_celeba_hq",
        options=("size", "skip_broken", "scratch"),
    ),
    "ffhq": Source(
        "ffhq",
        "70,000 faces of Flickr, colour, aligned, 1024x1024 pixels or thumbnails of 128x128",
        "CC BY-NC-SA 4.0 (NVIDIA); not for face recognition",
        "T. Karras, S. Laine, T. Aila: A Style-Based Generator Architecture for GANs, CVPR 2019, arXiv:1812.04948",
        "gvae.data.sources.ffhq:open_ffhq",
        options=("size", "skip_broken", "scratch"),
    ),
    "lsun": Source(
        "lsun",
        "photographs of 10 scenes and 20 objects (3,033,042 bedrooms), colour, shorter side 256 pixels",
        "no formal licence; for research, the images belong to their owners",
        "F. Yu, A. Seff, Y. Zhang, S. Song, T. Funkhouser, J. Xiao: LSUN, 2015, arXiv:1506.03365",
        "gvae.data.sources.lsun:open_lsun",
        options=("size", "fit", "skip_broken", "scratch"),
    ),
    "ct": Source(
        "ct",
        "your own CT scans (DICOM series, NIfTI), given as ct:PATH, as axial slices or as volumes",
        "not known to gvae: the scans are yours",
        "",
        "gvae.data.sources.ct:open_ct",
        options=CT,
    ),
    "pancreas-ct": Source(
        "pancreas-ct",
        "80 abdominal CT scans with the pancreas outlined by hand, 512x512 pixels, slices of 0.5 to 1 mm",
        "CC BY 3.0 (National Institutes of Health Clinical Center)",
        "H. Roth, A. Farag, E. Turkbey, L. Lu, J. Liu, R. Summers: Data From Pancreas-CT, The Cancer Imaging Archive,"
        " 2016, doi:10.7937/K9/TCIA.2016.tNB1kqBU",
        "gvae.data.sources.pancreas_ct:open_pancreas_ct",
        options=CT,
    ),
    "folder": Source(
        "folder",
        "your own images (PNG, JPEG, WebP, TIFF, BMP), given as PATH or folder:PATH; sub-folders are classes",
        "not known to gvae: the images are yours",
        "",
        "gvae.data.sources.folder:open_folder",
        options=("size", "fit", "channels", "skip_broken", "scratch"),
    ),
    "hub": Source(
        "hub",
        "any set of images of the Hugging Face hub, given as hub:OWNER/NAME or hub:OWNER/NAME:CONFIG",
        "that of its dataset card, which is kept with the prepared data",
        "",
        "gvae.data.sources.hub:open_hub",
        options=LISTED,
    ),
    "wds": Source(
        "wds",
        "shards of WebDataset, on disk or on the web, given as wds:PATH/shard-{000..009}.tar or wds:FOLDER",
        "not known to gvae: the images are yours",
        "",
        "gvae.data.sources.wds:open_wds",
        options=LISTED,
    ),
}
"""every named source; adding one is a file beside this one and a line here"""

PREPARED = Source("prepared", "", "", "", "gvae.data.prepared.store:read_prepared", options=("size",))
"""a folder that `prepare` made"""
