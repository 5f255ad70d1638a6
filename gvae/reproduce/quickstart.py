"""The main job from end to end on data that needs no download: train, sample, reconstruct, measure."""

from __future__ import annotations

from pathlib import Path

from gvae.config import TrainConfig
from gvae.presets import PRESETS
from gvae.runs import Run, numbered

MODEL, DATA = "gvae", "digits"
MINUTES = 1.1
"""training time, so that the whole command stays below two minutes on two cores"""
METRICS = ("fd", "prdc", "class-histogram", "mmd", "mse", "elbo", "kl")
"""what is measured: the quick half, one of every kind"""
SAMPLES = 1_000
"""images drawn for the numbers; the test split has 179"""


def quickstart(out: Path, train: TrainConfig | None = None, samples: int = SAMPLES) -> Run:
    """Train `gvae --preset digits` on scikit-learn's digits; write pictures, numbers, a page.

    Args:
        out: folder for samples.png, reconstructions.png, report.html and the run; made if missing. An earlier
            run in it is kept, the new one is numbered.
        train: budget and seed; `MINUTES` of training if not given.
        samples: images drawn for the numbers.

    Returns:
        the run, evaluated.

    Raises:
        GvaeError: the folder cannot be written, or a budget that makes no sense.
    """
    from gvae.data import open_data
    from gvae.evaluation import evaluate
    from gvae.models import resolve
    from gvae.report.page import write_report
    from gvae.training import train as train_model

    dataset = open_data(DATA)
    train = train or TrainConfig(minutes=MINUTES)
    run = train_model(
        MODEL, resolve(MODEL).Config(**PRESETS[MODEL][DATA].changes), train, dataset, DATA, numbered(out / "run")
    )
    pictures(run, out)
    evaluate(run, METRICS, samples=samples)
    write_report([run], out / "report.html")
    return run


def pictures(run: Run, out: Path) -> None:
    """Write samples.png and reconstructions.png of a run."""
    from gvae.data import open_data
    from gvae.loaded import load
    from gvae.plots.grids import grid, pairs, save

    loaded, dataset = load(run), open_data(run.data)
    save(grid(loaded.sample(64)), out / "samples.png")
    batch = dataset.batch(dataset.split("test")[:32])
    save(pairs(batch.x, loaded.reconstruct(batch.x, batch.y)), out / "reconstructions.png")
