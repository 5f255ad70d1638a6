"""Measure a run: from its folder and a data set to metrics.json, every number with its protocol and its floor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gvae.evaluation.numbers import Better, Number, write_numbers
from gvae.runs import Run

if TYPE_CHECKING:
    from rich.progress import Progress

    from gvae.data.dataset import Dataset
    from gvae.metrics.base import Metric
    from gvae.metrics.needs import Needs

BESIDE = ("fd", "prdc")
"""metrics that are measured under N(0, I) as well where the run samples from a learned prior"""


class Part(NamedTuple):
    """One of several numbers of a metric: its key in the metric's result, and the row it becomes."""

    key: str
    name: str
    better: Better


PARTS: dict[str, tuple[Part, ...]] = {
    "prdc": (
        Part("coverage", "coverage", "higher"),
        Part("density", "density", "higher"),
        Part("precision", "precision", "higher"),
        Part("recall", "recall", "higher"),
    ),
    "class-histogram": (
        Part("kl_real", "class-histogram", "lower"),
        Part("smallest", "smallest class", "target"),
        Part("largest", "largest class", "target"),
    ),
}
"""metrics that fill more than one row; of others the first number is shown, under the metric's name"""


def evaluate(
    run: Run,
    metrics: tuple[str, ...] | None = None,
    data: str | None = None,
    samples: int = 10_000,
    split: str = "test",
    seed: int = 0,
    prior: str | None = None,
    root: Path | None = None,
) -> dict[str, Any]:
    """Measure a run and merge the numbers into its metrics.json.

    Args:
        run: the run folder.
        metrics: names as in `gvae.metrics.METRICS`; None: all of them, "n/a" and why where one does not apply.
        data: data set to compare with; None: what the run was trained on.
        samples: images to draw and to compare with, at most; fewer where the data has fewer.
        split: part of the data that is the reference: test to report, val to choose between models.
        seed: seed of samples and codes.
        prior: where samples come from, such as normal; None: the run's own prior.
        root: where named data sets are looked for; None: GVAE_DATA.

    Returns:
        what metrics.json holds now.

    Raises:
        GvaeError: no such metric, data or split; other image shapes; too few images for a metric asked for by name.
    """
    from gvae.api import load
    from gvae.metrics import METRICS, get
    from gvae.metrics.needs import Needs

    chosen = [
        get(name) for name in dict.fromkeys(metrics or METRICS)
    ]  # a slip in a name ends it before any work
    loaded, dataset = load(run), open_reference(run, data, root)
    own = run.model_config.get("prior")
    needs = Needs(loaded, dataset, samples, split, seed, prior)
    variant = prior if prior is not None and own is not None and prior != own else ""
    numbers = measure_all(chosen, needs, variant, strict=metrics is not None)
    if loaded.can("encode") and not variant and own not in (None, "normal"):
        beside = [replace(metric, floor=None) for metric in chosen if metric.name in BESIDE]
        normal = measure_all(
            beside, Needs(loaded, dataset, samples, split, seed, "normal"), "normal", strict=False
        )
        floors = {number.name: number.floor for number in numbers}
        numbers += [replace(number, floor=floors[number.name]) for number in normal]
    return write_numbers(run, numbers)


def open_reference(run: Run, data: str | None, root: Path | None) -> Dataset:
    """The data to compare with; a folder of images is read at the run's size and as the run's own was.

    Raises:
        GvaeError: no such data.
    """
    from gvae.data import open_data

    source = data or run.data
    path = Path(source).expanduser()
    if source.partition(":")[0] != "folder" and (not path.is_dir() or (path / "dataset.json").exists()):
        return open_data(source, root)
    options = {"size": run.spec.size, "channels": run.spec.channels}
    if source == run.data:
        options |= run.about.get("data", {}).get("options", {})
    return open_data(source, root, **options)


def measure_all(metrics: Sequence[Metric], needs: Needs, variant: str, strict: bool) -> list[Number]:
    """The numbers of several metrics, with a progress bar on a terminal.

    Args:
        variant: the prior, if it is not the run's own; told in the heading of numbers that depend on it.
        strict: whether too few images are an error, in place of a row without value.

    Raises:
        GvaeError: see `evaluate`.
    """
    from gvae.metrics.base import measure

    numbers = []
    with _progress() as progress:
        task = progress.add_task("", total=len(metrics))
        for metric in metrics:
            progress.update(task, description=f"{metric.name}{f' ({variant})' if variant else ''}")
            numbers += to_numbers(metric, measure(metric, needs, strict), variant)
            progress.advance(task)
    return numbers


def to_numbers(metric: Metric, result: dict[str, Any], variant: str = "") -> list[Number]:
    """The rows that become of one metric's result (see `gvae.metrics.base.measure`)."""
    protocol = {"metric": metric.name, **result["protocol"]}
    n = int(protocol.pop("n", 0))
    depends = "prior" in protocol  # reconstructions and rates are the same under any prior
    values, floors = result.get("values") or {}, result.get("floor") or {}
    headline = next(iter(values), "")
    parts = PARTS.get(metric.name, (Part(headline, metric.name, metric.better),))
    reason = str(result.get("why", "")).removeprefix("n/a (").removesuffix(")")
    return [
        Number(
            name=part.name,
            value=values.get(part.key),
            better=part.better,
            floor=floors.get(part.key),
            error=_error(values, part.key) if part.key == headline else None,
            n=n,
            variant=variant if depends else "",
            reason=reason,
            unit=metric.unit if part.key in ("", headline) else "",
            protocol=protocol,
        )
        for part in parts
    ]


def _error(values: dict[str, float], key: str) -> float | None:
    """Half width of the headline's 95 % confidence interval: `error`, or from KEY_low and KEY_high."""
    if "error" in values:
        return values["error"]
    ends = values.get(f"{key}_low"), values.get(f"{key}_high")
    return None if ends[0] is None or ends[1] is None else (ends[1] - ends[0]) / 2


def _progress() -> Progress:
    """A progress bar on stderr that leaves nothing behind; silent where there is no terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    return Progress(console=console, transient=True, disable=not console.is_terminal)
