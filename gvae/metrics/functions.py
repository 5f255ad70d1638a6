"""Every metric as a function of arrays; no run is needed.

Images are torch tensors or arrays (N, C, *S) of floats in [-1, 1], or uint8 arrays (N, H, W), (N, H, W, C) or
(N, D, H, W, C). Each function returns a `Measurement`: a float, the headline number, that also knows the others by name and
half of its 95 % interval. Imports no NumPy until it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gvae.errors import GvaeError, choose
from gvae.metrics.base import split_errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

AUTO = "random-conv"
"""features for data without a shipped classifier: fixed random convolutions, which tell little apart"""


class Measurement(float):
    """A number that a metric gave.

    >>> found = Measurement({"ais": -90.5, "error": 0.5, "gap": 2.0, "error_gap": 0.1})
    >>> found, found["gap"], found.error, found.errors["gap"]
    (-90.5, 2.0, 0.5, 0.1)
    """

    values: dict[str, float]
    """all numbers by name, the headline first"""
    error: float | None
    """half of the headline's 95 % interval, where the metric gives one"""
    errors: dict[str, float]
    """half of the 95 % intervals of all numbers that have one, by name"""

    def __new__(cls, values: dict[str, float]) -> Measurement:
        kept, errors = split_errors(values)
        name, headline = next(iter(kept.items()))
        found = super().__new__(cls, headline)
        found.values, found.errors, found.error = kept, errors, errors.get(name)
        return found

    def __getitem__(self, name: str) -> float:
        return self.values[choose("number of this metric", name, self.values)]


def fd(x_real: ArrayLike, x_fake: ArrayLike, features: str = AUTO) -> Measurement:
    """Frechet distance of two sets of images in a feature space; lower is better.

    Args:
        x_real, x_fake: images, see above; at least 65 of each.
        features: "mnist", "fashion-mnist" or "digits" for the shipped classifier of that data, or "random-conv".

    Raises:
        GvaeError: too few images, shapes that do not fit together, or features for images of another shape.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).integers(0, 17, (200, 8, 8), dtype=np.uint8) * 15
    >>> round(fd(x, x, features="digits"), 6)
    0.0
    """
    from gvae.metrics.frechet import frechet

    return Measurement(frechet(*_both(x_real, x_fake, features)))


def kd(x_real: ArrayLike, x_fake: ArrayLike, features: str = AUTO) -> Measurement:
    """Kernel distance in a feature space; lower is better. Arguments as for `fd`."""
    from gvae.metrics.kernel import kernel_distance

    return Measurement(kernel_distance(*_both(x_real, x_fake, features)))


def prdc(x_real: ArrayLike, x_fake: ArrayLike, features: str = AUTO) -> Measurement:
    """Coverage, density, precision and recall in a feature space; higher is better. Arguments as for `fd`."""
    from gvae.metrics.prdc import prdc

    return Measurement(_first("coverage", prdc(*_both(x_real, x_fake, features))))


def class_histogram(x_real: ArrayLike, x_fake: ArrayLike, features: str) -> Measurement:
    """KL divergence between the classes of two sets of images, by the shipped classifier `features`; lower is better."""
    from gvae.metrics.class_histogram import class_histogram

    return Measurement(class_histogram(*_probabilities(x_real, x_fake, features)))


def mmd(x_real: ArrayLike, x_fake: ArrayLike) -> Measurement:
    """Unbiased squared maximum mean discrepancy of pixels under Gaussian kernels; lower is better."""
    from gvae.metrics.mmd import mmd

    return Measurement(mmd(images(x_real), images(x_fake)))


def mmd_linear(x_real: ArrayLike, x_fake: ArrayLike) -> Measurement:
    """The linear-kernel batch MMD of the 3-D brain MRI code, for comparison with papers: it rewards mode collapse."""
    from gvae.metrics.mmd_linear import mmd_linear

    return Measurement(mmd_linear(images(x_real), images(x_fake)))


def ms_ssim(
    x_real: ArrayLike, x_fake: ArrayLike, y_real: np.ndarray | None = None, y_fake: np.ndarray | None = None
) -> Measurement:
    """Mean MS-SSIM of pairs of fakes at native size; the best value is that of real pairs, `["ms_ssim_real"]`.

    Args:
        x_real, x_fake: images, see above.
        y_real, y_fake: their classes (N,), to compare within classes.
    """
    from gvae.metrics.ms_ssim import variety

    return Measurement(variety(images(x_real), images(x_fake), y_real, y_fake))


def ms_ssim_256(
    x_real: ArrayLike, x_fake: ArrayLike, y_real: np.ndarray | None = None, y_fake: np.ndarray | None = None
) -> Measurement:
    """The same at 256 x 256 pixels with five scales, the usual convention. Arguments as for `ms_ssim`."""
    from gvae.metrics.ms_ssim_256 import variety_256

    return Measurement(variety_256(images(x_real), images(x_fake), y_real, y_fake))


def mse(x: ArrayLike, x_rec: ArrayLike) -> Measurement:
    """Mean squared error of reconstructions, pixels in [0, 1]; lower is better.

    >>> import numpy as np
    >>> mse(np.zeros((3, 8, 8), np.uint8), np.full((3, 8, 8), 255, np.uint8))
    1.0
    """
    from gvae.metrics.mse import mse

    return Measurement(mse(images(x), images(x_rec)))


def nats(distortion: np.ndarray) -> Measurement:
    """Mean -log p(x|z) in nats of values (N,), each at a code of its image; lower is better."""
    from gvae.metrics.nats import nats

    return Measurement(nats(distortion))


def elbo(log_weights: np.ndarray) -> Measurement:
    """Mean of log p(x, z) - log q(z|x) in nats, of values (1, N) or (N,); higher is better."""
    import numpy as np

    from gvae.metrics.elbo import elbo

    return Measurement(elbo(np.atleast_2d(log_weights)))


def iwae(log_weights: np.ndarray) -> Measurement:
    """Importance-weighted bound in nats of log weights (k, N); higher is better.

    >>> import numpy as np
    >>> round(iwae(np.log(np.array([[1.0, 1.0], [3.0, 3.0]]))), 6)  # log 2
    0.693147
    """
    from gvae.metrics.iwae import iwae, weighed

    return Measurement(iwae(weighed(log_weights)))


def ais(log_weights: np.ndarray) -> Measurement:
    """Estimate of log p(x) in nats from the log weights (chains, N) of annealed importance sampling."""
    return iwae(log_weights)


def exact(log_likelihood: np.ndarray) -> Measurement:
    """Mean exact log p(x) in nats of values (N,); higher is better."""
    import numpy as np

    from gvae.metrics.exact import exact

    return Measurement(exact(np.asarray(log_likelihood), np.array(np.nan)))


def kl(posterior_kl: np.ndarray) -> Measurement:
    """Mean KL(q(z|x) || p(z)) in nats of values (N,)."""
    from gvae.metrics.kl import kl

    return Measurement(kl(posterior_kl))


def code_kl(z: np.ndarray) -> Measurement:
    """KL divergence from all codes together to N(0, I), from one sample of q(z|x) an image, (N, Z); lower is better."""
    import numpy as np

    from gvae.metrics.code_kl import code_kl

    return Measurement(code_kl(np.asarray(z)))


def active_units(means: np.ndarray) -> Measurement:
    """Number of latent dimensions that vary with the image, from the means of q(z|x), (N, Z)."""
    import numpy as np

    from gvae.metrics.active_units import active_units

    return Measurement(active_units(np.asarray(means)))


def images(x: Any) -> np.ndarray:
    """Images (N, C, *S) in [-1, 1].

    Raises:
        GvaeError: another shape, or values out of range.

    >>> import numpy as np
    >>> images(np.full((2, 8, 8), 255, np.uint8)).shape
    (2, 1, 8, 8)
    """
    import numpy as np

    array = np.asarray(x.detach().cpu() if hasattr(x, "detach") else x)
    if array.dtype == np.uint8:
        array = array[..., None] if array.ndim == 3 else array
        return np.moveaxis(array, -1, 1).astype(np.float32) / 127.5 - 1
    if array.ndim not in (4, 5) or array.shape[1] not in (1, 3):
        raise GvaeError(
            f"images have shape {array.shape}; give floats (N, C, H, W) or (N, C, D, H, W) in [-1, 1], or uint8 (N, H, W, C)"
        )
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    if not (low >= -1.001 and high <= 1.001):
        raise GvaeError(f"images lie in {low:g} to {high:g}; give floats in [-1, 1] or uint8 from 0 to 255")
    return array.astype(np.float32)


def _extracted(x: Any, features: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Features (N, F) and, where there is a classifier, class probabilities (N, K)."""
    import torch

    from gvae.metrics.features import CLASSIFIERS, extract

    array = images(x)
    choose("features", features, [AUTO, *CLASSIFIERS])
    if features != AUTO and CLASSIFIERS[features] != array.shape[1:]:
        wanted, given = (" x ".join(map(str, shape)) for shape in (CLASSIFIERS[features], array.shape[1:]))
        raise GvaeError(f"features={features!r} are of images {wanted}, and these are {given}; take {AUTO!r}")
    return extract(torch.from_numpy(array), features)


def _both(x_real: Any, x_fake: Any, features: str) -> tuple[np.ndarray, np.ndarray]:
    """Features of real and fake images."""
    return _extracted(x_real, features)[0], _extracted(x_fake, features)[0]


def _probabilities(x_real: Any, x_fake: Any, features: str) -> tuple[np.ndarray, np.ndarray]:
    """Class probabilities of real and fake images."""
    real, fake = _extracted(x_real, features)[1], _extracted(x_fake, features)[1]
    if real is None or fake is None:
        raise GvaeError(f"features={features!r} know no classes; take those of a shipped classifier")
    return real, fake


def _first(name: str, values: dict[str, float]) -> dict[str, float]:
    """The same numbers, one of them in front."""
    return {name: values[name], **values}
