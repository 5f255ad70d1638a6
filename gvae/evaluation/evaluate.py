"""Measure a run: from its folder and a data set to metrics.json, each number with protocol and floor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gvae.evaluation.numbers import Better, Number, write_numbers
from gvae.runs import Run

if TYPE_CHECKING:
    from rich.progress import Progress

    from gvae.data.dataset import Dataset
    from gvae.evaluation.inputs import Inputs
    from gvae.metrics.base import Metric

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
    "exact": (Part("exact", "exact", "higher"), Part("limit", "limit", "")),
    "ais": (Part("ais", "ais", "higher"), Part("gap", "ais gap", "lower")),
    "code-kl": (Part("code_kl", "code-kl", "lower"), Part("code_kl_knn", "code-kl knn", "lower")),
    "kl": (Part("kl", "kl", ""),),  # a rate is good or bad only together with what it buys
}
"""metrics that fill other rows than their own; of the rest the first number is a row"""


def evaluate(
    run: Run,
    metrics: tuple[str, ...] | None = None,
    data: str | None = None,
    samples: int = 10_000,
    split: str = "test",
    seed: int = 0,
    prior: str | None = None,
    root: Path | None = None,
    weighed: int | None = None,
    precision: str = "fp32",
) -> dict[str, Any]:
    """Measure a run and merge the numbers into its metrics.json.

    Args:
        run: the run folder; `run.using("best")` measures its best weights.
        metrics: names as in `gvae.metrics.METRICS`; None: all but the costly, "n/a" where one does not apply.
        data: data set to compare with; None: what the run was trained on.
        samples: images to draw and to compare with, at most; fewer where the data has fewer.
        split: part of the data that is the reference: test to report, val to choose between models.
        seed: seed of samples and codes.
        prior: where samples come from, such as normal; None: the run's own prior.
        root: where named data sets are looked for; None: GVAE_DATA.
        weighed: images of importance-weighted and annealed estimates; None: few, see `gvae.evaluation.inputs`.
        precision: of the networks when images are weighed, fp32 or bf16.

    Returns:
        what metrics.json holds now.

    Raises:
        GvaeError: no such metric, data or split; other image shapes; too few images for a metric named.
    """
    from gvae.evaluation.inputs import Inputs
    from gvae.loaded import load
    from gvae.metrics import COSTLY, METRICS, get

    chosen = [
        get(name) for name in dict.fromkeys(metrics or [n for n in METRICS if n not in COSTLY])
    ]  # a slip in a name ends it before any work
    loaded, dataset = load(run), open_reference(run, data, root)
    own = run.model_config.get("prior")
    needs = Inputs(loaded, dataset, samples, split, seed, prior, weighed, precision)
    variant = prior if prior is not None and own is not None and prior != own else ""
    numbers = measure_all(chosen, needs, variant, strict=metrics is not None)
    if loaded.can("encode") and not variant and own not in (None, "normal"):
        beside = [replace(metric, floor=None) for metric in chosen if metric.name in BESIDE]  # known already
        normal = measure_all(
            beside, Inputs(loaded, dataset, samples, split, seed, "normal"), "normal", strict=False
        )
        learned = {number.name: number for number in numbers}
        numbers += [_with_floor(number, learned[number.name]) for number in normal]
    return write_numbers(run, [_with_weights(number, run) for number in numbers])


def open_reference(run: Run, data: str | None, root: Path | None) -> Dataset:
    """The data to compare with, read as the run's own was and at its size.

    Raises:
        GvaeError: no such data.
    """
    from gvae.data import open_data, options_of

    return open_data(data or run.data, root, **options_of(run, data))


def measure_all(metrics: Sequence[Metric], needs: Inputs, variant: str, strict: bool) -> list[Number]:
    """The numbers of several metrics, with a progress bar on a terminal.

    Args:
        variant: the prior, if it is not the run's own; told in the heading of numbers that depend on it.
        strict: whether too few images are an error, in place of a row without value.

    Raises:
        GvaeError: see `evaluate`.
    """
    from gvae.evaluation.measure import measure

    numbers = []
    with _progress() as progress:
        task = progress.add_task("", total=len(metrics))
        for metric in metrics:
            title = f"{metric.name}{f' ({variant})' if variant else ''}"
            progress.update(task, description=title)
            needs.progress = long_progress(progress, title)
            numbers += to_numbers(metric, measure(metric, needs, strict), variant)
            progress.advance(task)
    return numbers


def long_progress(progress: Progress, title: str) -> Callable[[int, int], None]:
    """Tells how far one long measurement has come, in a line of its own."""
    task = progress.add_task(title, visible=False)

    def show(done: int, n: int) -> None:
        progress.update(task, completed=done, total=n, visible=done < n)

    return show


def to_numbers(metric: Metric, result: dict[str, Any], variant: str = "") -> list[Number]:
    """The rows that become of one metric's result (see `gvae.metrics.base.measure`)."""
    values, floors = result.get("values") or {}, result.get("floor") or {}
    headline = next(iter(values), "")
    errors = result.get("errors") or {headline: result.get("error")}
    protocol = {"metric": metric.name, **result["protocol"]}
    common = {
        "n": result["n"] or 0,
        "variant": variant if _asks_prior(metric) else "",
        "reason": str(result.get("why", "")).removeprefix("n/a (").removesuffix(")"),
        "protocol": protocol,
    }
    return [
        Number(
            part.name,
            values.get(part.key),
            part.better,
            floors.get(part.key),
            error=errors.get(part.key),
            unit=metric.unit if part.key in ("", headline) else "",
            **common,
        )
        for part in PARTS.get(metric.name, (Part(headline, metric.name, metric.better),))
    ]


def _with_weights(number: Number, run: Run) -> Number:
    """The number with the weights in its protocol, where they are not the last."""
    return (
        number
        if run.chosen == "last"
        else replace(number, protocol=number.protocol | {"weights": run.chosen})
    )


def _with_floor(number: Number, other: Number) -> Number:
    """The floor of the same measurement under another prior, which real images do not depend on."""
    return replace(number, floor=other.floor, protocol=other.protocol | number.protocol)


def _asks_prior(metric: Metric) -> bool:
    """Whether the number changes with the prior; reconstructions and rates do not."""
    return any(need.startswith("fake") or need.partition(":")[0] == "log_weights" for need in metric.needs)


def _progress() -> Progress:
    """A progress bar on stderr that leaves nothing behind; silent where there is no terminal."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
