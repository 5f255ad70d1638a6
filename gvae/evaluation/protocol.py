"""The protocol of a number: everything that must be equal before two of them may stand in one column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gvae.evaluation.inputs import Inputs
    from gvae.metrics.base import Metric


WEIGHED = ("log_weights", "bounds", "annealed", "log_likelihood")
"""needs that depend on the prior p(z) of the model"""


def protocol(metric: Metric, needs: Inputs) -> dict[str, Any]:
    """How a metric is measured: data, split, seed, number of images, what its needs add, its own constants.

    Args:
        metric: what is measured.
        needs: where its images come from.
    """
    shared = {"data": needs.dataset.spec.name, "split": needs.split, "n": needs.count(metric.needs[0])}
    shared |= {"seed": needs.seed, "range": "[-1, 1]"}
    if any(name.startswith("fake") for name in metric.needs):
        shared |= {"n_samples": needs.count("fake"), "prior": needs.prior or needs.own_prior}
    if metric.floor:
        shared |= {"floor_split": needs.other_split, "n_floor": needs.count("other")}
    if any(name.endswith(("features", "probabilities")) for name in metric.needs):
        shared |= _extractor(needs)
    asked = {name.partition(":")[0] for name in metric.needs}
    if asked & {"distortion", *WEIGHED}:
        likelihood = getattr(needs.loaded.model, "likelihood", None)
        shared |= {"likelihood": getattr(likelihood, "kind", None)}
        if needs.dataset.spec.binary:
            shared |= {"binarisation": needs.dataset.spec.binary}
    if asked & set(WEIGHED):
        own = "log_likelihood" in asked and needs.loaded.can(
            "log_likelihood"
        )  # pca's formula has N(0, I) in it
        shared |= {"prior": "normal" if own else needs.prior or needs.own_prior}
        shared |= {} if needs.precision == "fp32" else {"precision": needs.precision}
    return shared | metric.protocol | {"versions": _versions()}


def _extractor(needs: Inputs) -> dict[str, str]:
    """Name of the feature network and hash of its weights."""
    from gvae.metrics.features import extractor

    spec = needs.dataset.spec
    return extractor(spec.name, (spec.channels, *spec.shape)).protocol


def _versions() -> dict[str, str]:
    """Versions of what computes."""
    import numpy as np
    import torch

    from gvae.version import __version__

    return {"gvae": __version__, "torch": torch.__version__, "numpy": np.__version__}
