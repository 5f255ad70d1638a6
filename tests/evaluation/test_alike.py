"""What `compare` does with numbers that are not of one kind: each apart, left out by name, or refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gvae.config import NetConfig, TrainConfig
from gvae.data import open_data
from gvae.data.dataset import Dataset
from gvae.errors import GvaeError
from gvae.evaluation.compare import compare
from gvae.evaluation.evaluate import evaluate, measure_run
from gvae.evaluation.numbers import read_all, read_numbers
from gvae.models.vae import Config
from gvae.runs import Run
from gvae.training import resume, train
from gvae.types import DataSpec

METRICS = ("mmd", "mse")


def fill(folder: Path, n: int = 400, seed: int = 0, side: int = 8) -> Path:
    """A folder of gray images."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (n, side, side), np.uint8)
    for k, image in enumerate(pixels):
        Image.fromarray(image).save(folder / f"{seed}-{k:03d}.png")
    return folder


def trained(data: str | Path, out: Path, seed: int = 0, images: int = 120, prior: str = "normal", **options) -> Run:
    """A VAE after two or three steps."""
    config = Config(latent=2, prior=prior, components=2 * (prior == "mixture"), net=NetConfig(width=8))
    settings = TrainConfig(images=images, batch=40, seed=seed)
    return train("vae", config, settings, open_data(str(data), **options), str(data), out)


def measured(run: Run, **options) -> Run:
    evaluate(run, METRICS, **options)
    return run


def table(runs: list[Run]) -> dict[str, list[int]]:
    """How many values each row has in every column."""
    found = compare(runs)
    return {c.title: [len(row.cells[k].values) for row in found.rows] for k, c in enumerate(found.columns)}


def test_two_folders_of_one_name_stand_apart(tmp_path):
    runs = []
    for k in range(2):
        folder = fill(tmp_path / f"{k}" / "blobs", seed=k)
        runs.append(measured(trained(folder, tmp_path / f"run{k}")))
    found = table(runs)
    assert sorted(found.values()) == [[0, 1], [0, 1], [1, 0], [1, 0]]
    checksums = [next(x.protocol["data_checksum"] for x in read_numbers(run)) for run in runs]
    assert set(found) == {f"{name}, data {c[:6]}" for name in METRICS for c in checksums}


def test_the_same_files_in_another_place_share_a_column(tmp_path):
    one = fill(tmp_path / "1" / "blobs")
    shutil.copytree(one, tmp_path / "2" / "blobs")
    runs = [measured(trained(tmp_path / f"{k}" / "blobs", tmp_path / f"run{k}")) for k in (1, 2)]
    assert table(runs) == {"mmd": [1, 1], "mse": [1, 1]}


def test_numbers_before_more_training_are_not_shown_after_it(tmp_path):
    folder = fill(tmp_path / "blobs")
    run = measured(trained(folder, tmp_path / "a"))
    early = measured(trained(folder, tmp_path / "b"))
    before = {x.name: x.value for x in read_numbers(run)}
    run = resume(run, open_data(str(folder)), images=240)
    assert read_numbers(run) == []
    assert len(read_all(run)) == 2
    with pytest.raises(GvaeError, match="other weights than when it was evaluated; type `gvae evaluate"):
        compare([run, early])
    evaluate(run, ("mse",))  # what was measured before goes
    assert [(x.name, x.value != before["mse"]) for x in read_all(run)] == [("mse", True)]
    found = compare([run, early])
    assert [row.label for row in found.rows] == ["vae, images 240", "vae, images 120"]


def test_numbers_of_earlier_weights_beside_new_ones_are_named(tmp_path):
    run = measured(trained(fill(tmp_path / "blobs"), tmp_path / "a"))
    text = run.metrics.read_text()
    digest = run.digest()
    run.metrics.write_text(text.replace(str(digest), "0" * 16, 1))
    notes = compare([run]).notes
    assert (
        f"1 numbers of earlier weights of {run.path} are left out; measure again: `gvae evaluate {run.path}`" in notes
    )


def test_the_normal_prior_stands_beside_the_run_s_own_in_every_metric_that_depends_on_it(tmp_path):
    run = trained("toy4", tmp_path / "a", prior="mixture", images=400)
    names = ("elbo", "iwae-5", "ais-5x2", "exact", "mmd", "mse", "kl")
    options = {"samples": 40, "weighed": 5}
    evaluate(run, names, **options)
    own = {x.name: x.value for x in read_numbers(run)}
    evaluate(run, names, **options, prior="normal")
    after = {x.column: x.value for x in read_numbers(run)}
    for name in ("elbo", "iwae-5", "ais-5x2", "exact"):
        assert after[f"{name}, bernoulli"] == own[name]
        assert after[f"{name}, bernoulli, N(0, I)"] != own[name]
    assert after["mmd"] == own["mmd"] != after["mmd, N(0, I)"]
    assert [title for title in after if title.startswith(("mse", "kl"))] == ["mse", "kl"]


def test_two_sizes_stand_apart(tmp_path):
    folder = fill(tmp_path / "blobs", side=16)
    runs = [measured(trained(folder, tmp_path / f"{side}", size=side)) for side in (8, 16)]
    found = table(runs)
    assert found == {
        f"{name}, {side}x{side}".replace(", ", ", 1x"): [int(side == 8), int(side == 16)]
        for side in (8, 16)
        for name in METRICS
    }


def scans(root: Path | None = None, window: tuple[float, float] = (40, 400)) -> Dataset:
    """Slices of random Hounsfield units."""
    pixels = np.random.default_rng(0).integers(-1000, 1000, (100, 8, 8, 1)).astype(np.int16)
    low, high = window[0] - window[1] / 2, window[0] + window[1] / 2
    splits = {"train": np.arange(40), "val": np.arange(40, 70), "test": np.arange(70, 100)}
    return Dataset(DataSpec("scans", 1, (8, 8), low=low, high=high, unit="HU"), pixels, None, splits)


def test_two_windows_of_ct_stand_apart(tmp_path):
    name = f"{__name__}:scans"
    runs = [measured(trained(name, tmp_path / f"{w}", window=(40, w))) for w in (400, 1500)]
    windows = {"values -160 to 240": [1, 0], "values -710 to 790": [0, 1]}
    assert table(runs) == {f"{m}, {title}": cells for title, cells in windows.items() for m in METRICS}


@pytest.fixture
def changed(tmp_path) -> tuple[Run, Path]:
    """A run whose folder has five files more than when it was trained."""
    folder = fill(tmp_path / "blobs")
    run = measured(trained(folder, tmp_path / "a"))
    fill(folder, n=5, seed=9)
    return run, folder


def test_changed_files_are_refused_until_they_are_accepted_and_then_stand_apart(changed, tmp_path):
    run, folder = changed
    with pytest.raises(GvaeError, match=r"their files have changed.*add --changed-data"):
        evaluate(run, METRICS)
    with pytest.raises(GvaeError, match=r"their files have changed.*start a new run"):
        resume(run, open_data(str(folder)), images=240)
    evaluate(run, METRICS, changed=True)
    titles = [x.column for x in read_numbers(run)]
    assert titles == ["mmd", "mse"] * 2  # those of the old files stay, and are told apart below
    assert all(len(cells) == 1 for cells in table([run]).values())
    assert len(table([run])) == 4


def test_seeds_with_files_changed_between_them_are_not_averaged(changed, tmp_path):
    run, folder = changed
    other = measured(trained(folder, tmp_path / "b", seed=1))
    found = compare([run, other])
    assert [len(row.runs) for row in found.rows] == [1, 1]
    assert all("files" in row.label for row in found.rows)
    assert all(len(cell.values) < 2 for row in found.rows for cell in row.cells)


def test_the_same_images_divided_in_another_way_are_refused(tmp_path):
    folder = fill(tmp_path / "blobs")
    run = trained(folder, tmp_path / "a")
    moved = {**run.about["memberships"], "test": "0" * 16}
    with pytest.raises(GvaeError, match=r"split in another way.*--changed-data"):
        evaluate(replace(run, about={**run.about, "memberships": moved}), METRICS)


def test_other_data_on_purpose_are_neither_refused_nor_mixed_with_the_run_s_own(tmp_path):
    run = measured(trained(fill(tmp_path / "blobs"), tmp_path / "a"))
    other = fill(tmp_path / "others", seed=3)
    evaluate(run, METRICS, data=str(other))
    assert list(table([run])) == ["mmd, on blobs", "mmd, on others", "mse, on blobs", "mse, on others"]


def test_a_folder_that_is_called_mnist_does_not_get_its_classifier(tmp_path):
    folder = fill(tmp_path / "mnist", n=130, side=28)
    run = trained(folder, tmp_path / "a")
    numbers = {x.name: x for x in measure_run(run, ("prdc", "class-histogram"))}
    assert numbers["coverage"].protocol["features"] == "random-conv"
    assert numbers["class-histogram"].reason == "no classifier for mnist"


def test_a_few_hundred_images_are_compared_with_training_and_validation_images(tmp_path):
    folder = fill(tmp_path / "blobs")
    run = trained(folder, tmp_path / "a")
    sizes = {name: len(part) for name, part in open_data(str(folder)).splits.items()}
    numbers = {x.name: x for x in measure_run(run, ("fd", "coverage", "mmd", "mse"))}
    both = sizes["train"] + sizes["val"]
    assert (numbers["fd"].column, numbers["fd"].n) == ("fd, train+val split", both)
    assert numbers["fd"].value is not None
    assert numbers["fd"].protocol["n_samples"] == both
    assert (numbers["mmd"].column, numbers["mmd"].n) == ("mmd", sizes["test"])  # enough for it
    assert numbers["mse"].column == "mse"  # held-out images, or it would praise learning by heart
    with pytest.raises(GvaeError, match=rf"got {sizes['test']} .*give more --samples"):
        measure_run(run, ("fd",), samples=50)
    few = trained(fill(tmp_path / "few", n=80), tmp_path / "b")
    with pytest.raises(GvaeError, match=r"fd needs at least 100 images, got \d+ .*the data have no more"):
        measure_run(few, ("fd",))


def test_rows_may_be_named_where_metrics_are(tmp_path):
    run = trained("digits", tmp_path / "a")
    assert [x.name for x in measure_run(run, ("smallest class",), samples=150)][1:] == [
        "smallest class",
        "largest class",
    ]
    with pytest.raises(GvaeError, match="did you mean 'coverage'"):
        measure_run(run, ("coverge",))


def test_a_prior_that_is_not_fitted_yet_is_fitted_to_be_measured_or_told_as_normal(tmp_path, monkeypatch):
    from gvae.loaded import load
    from gvae.training.trainer import Trainer

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "finish", Trainer.save)  # as it is when a training was stopped
        run = trained("toy4", tmp_path / "a", prior="mixture", images=400)
    assert not load(run).prior_fitted
    settings = {"samples": 300, "weighed": 5}
    early = {x.name: x for x in measure_run(run, ("mmd", "elbo", "mse"), **settings)}
    assert {early[name].protocol["prior"] for name in ("mmd", "elbo")} == {"mixture"}
    assert early["mmd"].protocol["prior_fit"] == "when measured"
    assert "prior" not in early["mse"].protocol
    gone = {x.column: x for x in measure_run(replace(run, data="/nowhere"), ("mmd",), data="toy4", **settings)}
    assert gone["mmd, N(0, I)"].protocol["prior"] == "normal"
    resume(run, open_data("toy4"))
    late = {x.name: x for x in measure_run(run, ("mmd", "elbo"), **settings)}
    assert "prior_fit" not in late["mmd"].protocol
    for name in ("mmd", "elbo"):  # the same fit, only later
        assert late[name].value == pytest.approx(early[name].value, rel=1e-3)
