"""The protocol of a number: everything that must be equal before two of them may stand in one column.

What a metric depends on follows from its needs, in one place, for protocols, headings and rows alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gvae.evaluation.inputs import Inputs
    from gvae.metrics.base import Metric


WEIGHED = ("log_weights", "bounds", "annealed", "annealed_gap", "log_likelihood")
"""needs in which codes are weighed with the density of the prior"""
PRIOR = ("fake", *WEIGHED)
"""needs that depend on the prior p(z) of the model"""
LIKELIHOOD = ("distortion", *WEIGHED)
"""needs that depend on the likelihood p(x|z)"""
REDUCED = ("log_weights", "bounds", "annealed", "annealed_gap")
"""needs whose networks compute in the precision that was asked for"""
FEATURES = ("features", "probabilities")
"""needs that a feature network computes"""


def asks(metric: Metric, names: tuple[str, ...]) -> bool:
    """Whether a metric needs any of these things; numbers in a need do not count, and `fake` stands for all of samples.

    >>> from gvae.metrics import get
    >>> asks(get("fd"), PRIOR), asks(get("iwae"), PRIOR), asks(get("mse"), PRIOR), asks(get("fd"), FEATURES)
    (True, True, False, True)
    """
    bare = {need.partition(":")[0] for need in metric.needs}
    kinds = {"fake" for need in bare if need.startswith("fake")}
    made = {need.rpartition("_")[2] for need in bare}
    return bool(set(names) & (bare | kinds | made))


def variant(metric: Metric, needs: Inputs) -> str:
    """The prior, if it is not the run's own and the metric depends on it: told in the heading; else ""."""
    own = needs.loaded.run.model_config.get("prior")
    other = needs.prior is not None and own is not None and needs.prior != own
    return needs.prior or "" if other and asks(metric, PRIOR) and not own_formula(metric, needs) else ""


def own_formula(metric: Metric, needs: Inputs) -> bool:
    """Whether the model computes the likelihood itself; pca's formula has N(0, I) in it, whatever its prior."""
    return asks(metric, ("log_likelihood",)) and needs.loaded.can("log_likelihood")


AS_FITTED = "as fitted; samples are drawn denoised"
"""which density a likelihood is of, where samples come from another one"""


def protocol(metric: Metric, needs: Inputs) -> dict[str, Any]:
    """How a metric is measured: data, split, seed, number of images, what its needs add, its own constants.

    Args:
        metric: what is measured.
        needs: where its images come from.
    """
    shared = {**needs.identity, "split": needs.split, "split_checksum": needs.membership}
    shared |= {"n": needs.count(metric.needs[0]), "seed": needs.seed, "range": "[-1, 1]"}
    if asks(metric, ("fake",)):
        shared |= {"n_samples": needs.count("fake")}
    if asks(metric, PRIOR):
        shared |= prior(metric, needs)
    if metric.floor:
        shared |= {"floor_split": needs.other_split, "n_floor": needs.count("other")}
    if asks(metric, FEATURES):
        shared |= needs.extractor.protocol
    if asks(metric, LIKELIHOOD):
        shared |= {"likelihood": getattr(getattr(needs.loaded.model, "likelihood", None), "kind", None)}
    if asks(metric, REDUCED) and needs.precision != "fp32":
        shared |= {"precision": needs.precision}
    return shared | metric.protocol | {"versions": _versions()}


def prior(metric: Metric, needs: Inputs) -> dict[str, str]:
    """Which prior the numbers are of, and whether it was fitted for them."""
    if own_formula(metric, needs):
        return {"prior": "normal"}
    denoised = getattr(getattr(needs.loaded.model, "prior", None), "denoise", 0)
    late = getattr(needs.loaded, "prior_fit", "") if needs.prior in (None, needs.own_prior) else ""
    known = {"prior": needs.prior or needs.own_prior} | ({"prior_fit": late} if late else {})
    weighed = asks(metric, WEIGHED) and known["prior"] != "normal" and denoised
    return known | ({"prior_density": AS_FITTED} if weighed else {})


def _versions() -> dict[str, str]:
    """Versions of what computes."""
    import numpy as np
    import torch

    from gvae.version import __version__

    return {"gvae": __version__, "torch": torch.__version__, "numpy": np.__version__}
