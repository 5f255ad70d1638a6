"""The protocol of a number: everything that must be equal before two of them may stand in one column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gvae.metrics.base import Metric
    from gvae.metrics.needs import Needs


def protocol(metric: Metric, needs: Needs) -> dict[str, Any]:
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
    if any(name.startswith("log_weights") for name in metric.needs):
        config = needs.loaded.run.model_config
        shared |= {"likelihood": config.get("likelihood"), "prior": _weighing_prior(metric, needs)}
    return shared | metric.protocol | {"versions": _versions()}


def _extractor(needs: Needs) -> dict[str, str]:
    """Name of the feature network and hash of its weights."""
    from gvae.metrics.features import extractor

    spec = needs.dataset.spec
    return extractor(spec.name, (spec.channels, *spec.shape)).protocol


def _weighing_prior(metric: Metric, needs: Needs) -> str:
    """The prior p(z) in log p(x, z)."""
    return "normal" if "log_weights_normal" in metric.needs else needs.prior or needs.own_prior


def _versions() -> dict[str, str]:
    """Versions of what computes."""
    import numpy as np
    import torch

    from gvae import __version__

    return {"gvae": __version__, "torch": torch.__version__, "numpy": np.__version__}
