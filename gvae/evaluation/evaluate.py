"""Measure a run: from its folder and a data set to metrics.json, each number with protocol and floor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gvae.errors import GvaeError
from gvae.evaluation.numbers import Number, write_numbers
from gvae.evaluation.protocol import PRIOR, asks, variant
from gvae.evaluation.rows import PARTS, Part, metric_of
from gvae.runs import Run

if TYPE_CHECKING:
    from rich.progress import Progress

    from gvae.data.dataset import Dataset
    from gvae.evaluation.inputs import Inputs
    from gvae.loaded import Loaded
    from gvae.metrics.base import Metric

BESIDE = ("fd", "prdc")
"""metrics that are measured under N(0, I) as well where the run samples from a learned prior"""


def evaluate(run: Run, metrics: Sequence[str] | None = None, **options: Any) -> dict[str, Any]:
    """Measure a run and merge the numbers into its metrics.json.

    Args:
        run, metrics, options: as for `measure_run`.

    Returns:
        what metrics.json holds now.

    Raises:
        GvaeError: see `measure_run`.
    """
    return write_numbers(run, measure_run(run, metrics, **options))


def measure_run(
    run: Run | Loaded,
    metrics: Sequence[str] | None = None,
    data: str | Dataset | None = None,
    samples: int = 10_000,
    split: str = "test",
    seed: int = 0,
    prior: str | None = None,
    root: Path | None = None,
    weighed: int | None = None,
    precision: str = "fp32",
    changed: bool = False,
) -> list[Number]:
    """Numbers of a run, each with protocol and floor; nothing is written.

    Args:
        run: the run folder; `run.using("best")` measures its best weights. Or the opened run.
        metrics: names as in `gvae.metrics.METRICS`, or of rows of a table, such as coverage; None: all but the costly,
            "n/a" where one does not apply.
        data: data set to compare with, by name or opened; None: what the run was trained on.
        samples: images to draw and to compare with, at most; fewer where the data has fewer.
        split: part of the data that is the reference: test to report, val to choose between models.
        seed: seed of samples and codes.
        prior: where samples come from, such as normal; None: the run's own prior. One that the training has not fitted
            yet is fitted now, as at its end, and the protocol says so; without the training data it is N(0, I).
        root: where named data sets are looked for; None: GVAE_DATA.
        weighed: images of importance-weighted and annealed estimates; None: few, see `gvae.evaluation.inputs`.
        precision: of the networks when images are weighed, fp32 or bf16.
        changed: measure on the run's own data even if they have changed since.

    Raises:
        GvaeError: no such metric, data or split; other image shapes; too few images for a metric named; data that have
            changed since the training.
    """
    from gvae.data.dataset import Dataset
    from gvae.evaluation.inputs import Inputs
    from gvae.loaded import load
    from gvae.metrics import COSTLY, METRICS, get

    names = [n for n in METRICS if n not in COSTLY] if metrics is None else map(metric_of, metrics)
    chosen = [get(name) for name in dict.fromkeys(names)]  # a slip in a name ends it before any work
    loaded = load(run) if isinstance(run, Run) else run
    run = loaded.run
    dataset = reference(run, data, root, changed)
    if any(asks(metric, PRIOR) for metric in chosen):
        mine = data is None or (isinstance(data, Dataset) and is_own(run, data))
        prior = ready(loaded, prior, lambda: dataset if mine else open_reference(run, None, root))
    own, settings = run.model_config.get("prior"), (weighed, precision)
    needs = Inputs(loaded, dataset, samples, split, seed, prior, *settings)
    numbers = measure_all(chosen, needs, strict=metrics is not None)
    if loaded.can("encode") and prior in (None, own) and own not in (None, "normal"):
        beside = [replace(metric, floor=None) for metric in chosen if metric.name in BESIDE]  # known already
        plain = Inputs(loaded, dataset, samples, split, seed, "normal", *settings)
        learned = {number.name: number for number in numbers}
        numbers += [_with_floor(n, learned[n.name]) for n in measure_all(beside, plain, strict=False)]
    told = recorded(loaded, data)
    return [replace(number, protocol=number.protocol | told) for number in numbers]


def recorded(loaded: Loaded, data: str | Dataset | None) -> dict[str, str]:
    """What every protocol says besides: which weights, and the data if they were named."""
    run, given = loaded.run, data if isinstance(data, str) else None
    known = {"given": given, "weights": None if run.chosen == "last" else run.chosen}
    return {key: value for key, value in {**known, "weights_sha256": loaded.digest}.items() if value}


def reference(run: Run, data: str | Dataset | None, root: Path | None, changed: bool) -> Dataset:
    """The data to compare with, opened if they are not."""
    return open_reference(run, data, root, changed) if data is None or isinstance(data, str) else data


def is_own(run: Run, dataset: Dataset) -> bool:
    """Whether data are those that a run was trained on, as far as it is known."""
    from gvae.data.identity import difference

    return dataset.spec == run.spec and not difference(run, dataset)


def ready(loaded: Loaded, prior: str | None, training: Callable[[], Dataset]) -> str | None:
    """The prior to sample from, fitted to codes of training images first if the training has not come so far.

    Args:
        prior: what was asked for.
        training: opens the data that the run was trained on.

    Returns:
        `prior`, or "normal" where it cannot be fitted because the data are not there.
    """
    run = loaded.run
    if loaded.prior_fitted or prior not in (None, run.model_config.get("prior")):
        return prior
    from gvae.training.batches import Batches

    try:
        batches = Batches(training(), run.train, loaded.model.device)
    except GvaeError:
        return "normal"
    loaded.need("fit_prior")(batches.passes(), seed=run.train.seed)
    loaded.prior_fit = "when measured"
    return prior


def open_reference(run: Run, data: str | None, root: Path | None, changed: bool = False) -> Dataset:
    """The data to compare with, read as the run's own was and at its size.

    Args:
        changed: accept the run's own data if they have changed since.

    Raises:
        GvaeError: no such data, or the run's own have changed since it was trained.
    """
    from gvae.data import open_data, options_of
    from gvae.data.identity import refuse_changed

    dataset = open_data(data or run.data, root, **options_of(run, data))
    if data in (None, run.data) and not changed:
        refuse_changed(
            run, dataset, "restore the data, or add --changed-data (in Python changed=True) to use them as they are"
        )
    return dataset


def measure_all(metrics: Sequence[Metric], needs: Inputs, strict: bool) -> list[Number]:
    """The numbers of several metrics, with a progress bar on a terminal.

    Args:
        strict: whether too few images are an error, in place of a row without value.

    Raises:
        GvaeError: see `evaluate`.
    """
    from gvae.evaluation.measure import measure

    numbers = []
    with _progress() as progress:
        task = progress.add_task("", total=len(metrics))
        for metric in metrics:
            prior = variant(metric, needs)
            title = f"{metric.name}{f' ({prior})' if prior else ''}"
            progress.update(task, description=title)
            needs.progress = long_progress(progress, title)
            numbers += to_numbers(metric, measure(metric, needs, strict), prior)
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
        "variant": variant if asks(metric, PRIOR) else "",
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


def _with_floor(number: Number, other: Number) -> Number:
    """The floor of the same measurement under another prior, which real images do not depend on."""
    floor = {key: other.protocol[key] for key in ("floor_split", "n_floor") if key in other.protocol}
    return replace(number, floor=other.floor, protocol=number.protocol | floor)


def _progress() -> Progress:
    """A progress bar on stderr that leaves nothing behind; silent where there is no terminal."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    console = Console(stderr=True)
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
