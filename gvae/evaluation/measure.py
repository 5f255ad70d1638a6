"""One metric of one model on one data set: hand it what it needs, then measure the floor of real against real images."""

from __future__ import annotations

from typing import Any

from gvae.errors import GvaeError
from gvae.evaluation.inputs import Inputs
from gvae.evaluation.protocol import asks, protocol
from gvae.metrics.base import Metric, Unavailable


def measure(metric: Metric, needs: Inputs, strict: bool = True) -> dict[str, Any]:
    """One metric of one model on one data set.

    Args:
        metric: what to measure.
        needs: where samples, features and so on come from; shared between metrics.
        strict: False turns "too few images" into a missing value as well.

    Returns:
        `value` (the headline number; None if it does not apply, then `why` says so), `error` (half its 95 %
        confidence interval, None if unknown), `values` (all numbers by name), `floor` (the same numbers of
        real against other real images, None without), `n` (real images), `better`, `unit`, `protocol`.

    Raises:
        GvaeError: too few images, if `strict`.
    """
    needs = reference(metric, needs)
    result = {"value": None, "error": None, "better": metric.better, "unit": metric.unit}
    result |= {"n": needs.count(metric.needs[0]), "protocol": protocol(metric, needs)}
    try:
        values = metric.function(*_collect(metric, metric.needs, needs))
    except Unavailable as reason:
        return result | {"why": str(reason)}
    except GvaeError as error:
        if strict:
            raise
        return result | {"why": f"n/a ({error})"}
    error = values.pop("error", None)
    value = next(iter(values.values()))
    return result | {"value": value, "error": error, "values": values, "floor": _floor(metric, needs)}


def reference(metric: Metric, needs: Inputs) -> Inputs:
    """Where the images come from: where test is too small to be compared with samples, training and validation images."""
    if needs.split != "test" or needs.asked < metric.minimum or not asks(metric, ("fake",)):
        return needs
    enough = min(needs.count("real"), needs.count("fake")) >= metric.minimum
    return needs if enough or needs.wide.count("real") < metric.minimum else needs.wide


def _collect(metric: Metric, names: tuple[str, ...], needs: Inputs) -> list[Any]:
    """The needed things, each checked for its size."""
    values = []
    for name in names:
        count = needs.count(name)
        if count is not None and count < metric.minimum:
            more = "give more --samples" if needs.asked < metric.minimum else "the data have no more"
            raise GvaeError(
                f"{metric.name} needs at least {metric.minimum} images, got {count} ({name.replace('_', ' ')}); {more}"
            )
        values.append(needs.get(name))
    return values


def _floor(metric: Metric, needs: Inputs) -> dict[str, float] | None:
    """The metric between real and other real images, None where it is not defined."""
    if metric.floor is None:
        return None
    try:
        values = metric.function(*_collect(metric, metric.floor, needs))
        return {name: value for name, value in values.items() if name != "error"}
    except (Unavailable, GvaeError):
        return None
