"""One metric of one model on one data set: hand it what it needs, then measure the floor of real against real images."""

from __future__ import annotations

from typing import Any

from gvae.errors import GvaeError
from gvae.evaluation.inputs import Inputs
from gvae.evaluation.protocol import protocol
from gvae.metrics.base import Metric, Unavailable, split_errors


def measure(metric: Metric, needs: Inputs, strict: bool = True) -> dict[str, Any]:
    """One metric of one model on one data set.

    Args:
        metric: what to measure.
        needs: where samples, features and so on come from; shared between metrics.
        strict: False turns "too few images" into a missing value as well.

    Returns:
        `value` (the headline number; None if it does not apply, then `why` says so), `error` (half its 95 % interval,
        None if unknown), `values` (all numbers by name), `errors` (half intervals of those that have one), `floor`
        (the same numbers of real against other real images, None without), `n` (real images), `better`, `unit`, `protocol`.

    Raises:
        GvaeError: too few images, if `strict`.
    """
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
    values, errors = split_errors(values)
    name, value = next(iter(values.items()))
    found = {"value": value, "error": errors.get(name), "values": values, "errors": errors}
    return result | found | {"floor": _floor(metric, needs)}


def _collect(metric: Metric, names: tuple[str, ...], needs: Inputs) -> list[Any]:
    """The needed things, each checked for its size."""
    values = []
    for name in names:
        count = needs.count(name)
        if count is not None and count < metric.minimum:
            raise GvaeError(
                f"{metric.name} needs at least {metric.minimum} images, got {count} "
                f"({name.replace('_', ' ')}); give more --samples, or a larger data set"
            )
        values.append(needs.get(name))
    return values


def _floor(metric: Metric, needs: Inputs) -> dict[str, float] | None:
    """The metric between real and other real images, None where it is not defined."""
    if metric.floor is None:
        return None
    try:
        function = metric.floor_function or metric.function
        return split_errors(function(*_collect(metric, metric.floor, needs)))[0]
    except (Unavailable, GvaeError):
        return None
