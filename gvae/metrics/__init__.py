"""Metrics: pure functions of arrays, each in one file that ends with `METRIC = Metric(...)`.

    gvae.metrics.fd(x_real, x_fake, features="mnist")      see `gvae.metrics.functions`

`METRICS` lists them by name; to add one, write its file and add its line. Nothing is imported
until `get` is asked.
"""

from __future__ import annotations

import re
import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from gvae.errors import GvaeError, choose
from gvae.imports import load_object
from gvae.metrics.functions import (
    Measurement,
    active_units,
    ais,
    class_histogram,
    code_kl,
    elbo,
    exact,
    fd,
    iwae,
    kd,
    kl,
    mmd,
    mmd_linear,
    ms_ssim,
    ms_ssim_256,
    mse,
    nats,
    prdc,
)

if TYPE_CHECKING:
    from gvae.metrics.base import Metric

METRICS: dict[str, str] = {
    "fd": "gvae.metrics.frechet",
    "kd": "gvae.metrics.kernel",
    "prdc": "gvae.metrics.prdc",
    "class-histogram": "gvae.metrics.class_histogram",
    "mmd": "gvae.metrics.mmd",
    "mmd-linear": "gvae.metrics.mmd_linear",
    "ms-ssim": "gvae.metrics.ms_ssim",
    "ms-ssim-256": "gvae.metrics.ms_ssim_256",
    "mse": "gvae.metrics.mse",
    "nats": "gvae.metrics.nats",
    "elbo": "gvae.metrics.elbo",
    "iwae": "gvae.metrics.iwae",
    "ais": "gvae.metrics.ais",
    "exact": "gvae.metrics.exact",
    "kl": "gvae.metrics.kl",
    "code-kl": "gvae.metrics.code_kl",
    "active-units": "gvae.metrics.active_units",
}
"""name of a metric -> the module that holds its METRIC"""

COSTLY = ("ais",)
"""metrics that are measured only where they are named"""


def get(name: str) -> Metric:
    """The metric of that name.

    Args:
        name: one of `METRICS`; `iwae-500` for another number of importance samples; `ais-1000x32` for other numbers
            of temperatures and chains; or `package.module:NAME` for a metric outside gvae.

    Raises:
        GvaeError: there is no such metric; names the nearest one.

    >>> get("fd").better
    'lower'
    >>> get("iwae-500").protocol["k"]
    500
    >>> get("fdd")
    Traceback (most recent call last):
    gvae.errors.GvaeError: there is no metric 'fdd'; did you mean 'fd'? Known: active-units, ais, ...
    """
    if ":" in name:
        return load_object(name, "metric")
    if match := re.fullmatch(r"iwae-([1-9]\d*)", name):
        return import_module(METRICS["iwae"]).metric(int(match[1]))
    if match := re.fullmatch(r"ais-([1-9]\d*)x([1-9]\d*)", name):
        return import_module(METRICS["ais"]).metric(int(match[1]), int(match[2]))
    if name.startswith(("iwae-", "ais-")):
        raise GvaeError(
            f"'{name}' is not understood: write iwae-500 for 500 codes per image, ais-1000x16 for 1,000 temperatures "
            "and 16 chains, whole numbers from 1 on"
        )
    return import_module(METRICS[choose("metric", name, METRICS)]).METRIC


class _Package(ModuleType):
    """This module: functions of metrics keep their names when the file of the same name is imported."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and name in _FUNCTIONS):
            super().__setattr__(name, value)


_FUNCTIONS = tuple(name.replace("-", "_") for name in METRICS)
sys.modules[__name__].__class__ = _Package

__all__ = [
    "METRICS",
    "Measurement",
    "active_units",
    "ais",
    "class_histogram",
    "code_kl",
    "elbo",
    "exact",
    "fd",
    "get",
    "iwae",
    "kd",
    "kl",
    "mmd",
    "mmd_linear",
    "ms_ssim",
    "ms_ssim_256",
    "mse",
    "nats",
    "prdc",
]
