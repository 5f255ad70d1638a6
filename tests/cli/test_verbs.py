"""The verbs on a tiny run: what they write, and that they write nothing else."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from PIL import Image

from gvae.errors import GvaeError
from gvae.report.tables import number as written
from gvae.runs import Run, free_folder


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_train_keeps_what_was_asked(tiny_run):
    run = Run.open(tiny_run)
    assert (run.model, run.data, run.spec.shape) == ("vae", "digits", (8, 8))
    assert (run.train.images, run.train.batch, run.train.log_every) == (256, 64, 1)
    assert (run.model_config["latent"], run.model_config["net"]["width"]) == (4, 16)
    assert run.weights.exists()


def test_dry_run_tells_everything_and_writes_nothing(gvae, tmp_path):
    answer = gvae("train", "vae", "--data", "digits", "--latent", "4", "--images", "60k", "--dry-run")
    assert answer.code == 0
    assert answer.out.startswith("vae on digits, 1 x 8 x 8, into runs/digits-vae-0\n")
    assert re.search(r"--latent +4\n", answer.out)
    assert re.search(r"--images +60000\n", answer.out)
    counts = {name: int(n.replace(",", "")) for name, n in re.findall(r"(\w+) +([\d,]+) parameters", answer.out)}
    assert counts["together"] == counts["encoder"] + counts["generator"] > 0
    encoder = answer.out.split("\nencoder\n")[1].split("\n\n")[0]
    layers = [int(number.replace(",", "")) for number in re.findall(r" {2,}([\d,]+)$", encoder, re.MULTILINE)]
    assert counts["encoder"] == sum(layers)
    assert "B x 8" in encoder  # mean and log variance of 4 dimensions
    assert list(tmp_path.iterdir()) == []


def test_dry_run_leaves_random_numbers_alone(gvae):
    import torch

    torch.manual_seed(3)
    first = torch.rand(2)
    torch.manual_seed(3)
    gvae("train", "vae", "--data", "digits", "--dry-run")
    assert torch.equal(torch.rand(2), first)


def test_sample_to_a_picture(gvae, tiny_run, tmp_path):
    assert (
        gvae("sample", str(tiny_run), "-n", "6", "--out", "s.png").out
        == "6 images in s.png, drawn with the last weights\n"
    )
    first = np.asarray(Image.open("s.png"))
    gvae("sample", str(tiny_run), "--n", "6", "--out", "again.png")
    gvae("sample", str(tiny_run), "-n", "6", "--seed", "1", "--out", "other.png")
    assert np.array_equal(first, np.asarray(Image.open("again.png")))
    assert not np.array_equal(first, np.asarray(Image.open("other.png")))


def test_sample_to_a_folder(gvae, tiny_run):
    assert (
        gvae("sample", str(tiny_run), "-n", "3", "--out", "many").out
        == "3 files in many, drawn with the last weights\n"
    )
    picture = np.asarray(Image.open("many/000002.png"))
    assert (picture.shape, picture.dtype) == ((8, 8), np.uint8)


def test_sample_by_default_beside_you(gvae, tiny_run):
    assert gvae("sample", str(tiny_run), "-n", "2").out == "2 images in run-samples.png, drawn with the last weights\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--label", "3"], "was trained without labels"),
        (["--prior", "flow"], "holds the priors"),
        (["--out", "s.foo"], "has no picture ending"),
    ],
)
def test_sample_refuses(gvae, tiny_run, words, told):
    answer = gvae("sample", str(tiny_run), *words)
    assert (answer.code, answer.out) == (2, "")
    assert told in answer.error


def test_a_file_is_no_folder(gvae, tiny_run, tmp_path):
    (tmp_path / "taken").write_text("")
    answer = gvae("sample", str(tiny_run), "--out", "taken")
    assert answer.code == 2
    assert "could not write to taken" in answer.error


def test_reconstruct_tells_the_error_it_shows(gvae, tiny_run):
    answer = gvae("reconstruct", str(tiny_run), "--data", "digits", "-n", "8", "--out", "r.png")
    from gvae.data import open_data
    from gvae.loaded import load

    data = open_data("digits")
    x = data.batch(data.split("test")[:8]).x
    error = float(((x + 1) / 2 - (load(tiny_run).reconstruct(x) + 1) / 2).square().mean())
    assert answer.out == f"8 images in r.png; mean squared error per value on [0, 1]: {error:.2e}\n"
    assert Image.open("r.png").size[0] > 0


def test_evaluate_compare_show(gvae, tiny_run):
    answer = gvae("evaluate", str(tiny_run), "--metrics", "mse,mmd", "--samples", "50")
    numbers = {row["name"]: row["value"] for row in json.loads(Run.open(tiny_run).metrics.read_text())["numbers"]}
    assert {"mse", "mmd"} <= set(numbers)
    assert written(numbers["mse"]) in answer.out
    assert "no metric 'msee'; did you mean 'mse'" in gvae("evaluate", str(tiny_run), "--metrics", "msee").error
    shown = gvae("compare", str(tiny_run), "--out", "report.html")
    assert "mmd" in shown.out
    assert shown.out.endswith("Page: report.html\n")
    told = gvae("show", str(tiny_run)).out
    assert re.search(r"budget +256 images\n", told)
    assert re.search(r"images +256\n", told)
    assert "mse" in told


def test_a_metric_that_the_model_cannot_have_is_an_error_that_says_what_it_has(gvae, tmp_path):
    out = str(tmp_path / "gan")
    words = ["--images", "120", "--batch", "60", "--net.width", "8"]
    assert gvae("train", "gan", "--data", "digits", *words, "--out", out).code == 0
    answer = gvae("evaluate", out, "--metrics", "elbo,iwae-5", "--samples", "50")
    assert answer.code == 2
    assert "is a gan, which cannot be measured so (elbo: no likelihood" in answer.error
    assert gvae("evaluate", out, "--metrics", "elbo,mmd", "--samples", "50").code == 0
    assert "whole numbers from 1 on" in gvae("evaluate", out, "--metrics", "ais-0x3").error


def test_show_a_model(gvae):
    told = gvae("show", "gvae", "--preset", "paper").out
    assert told.startswith("GVAE: ")
    assert re.search(r"--latent +1000 +number of latent dimensions", told)
    assert "Players on digits, 1 x 8 x 8" in told
    assert re.search(r"code_critic +[\d,]+ parameters", told)


def test_resume_goes_on(gvae, tiny_run, tmp_path):
    import shutil

    shutil.copytree(tiny_run, "copy")
    assert gvae("resume", "copy", "--images", "512").code == 0
    assert Run.open("copy").log_rows()[-1]["images"] == 512
    assert "larger" in gvae("resume", "copy", "--images", "300").error


def test_an_existing_run_is_never_overwritten(gvae, tiny_run):
    before = Run.open(tiny_run).weights.read_bytes()
    answer = gvae("train", "vae", "--data", "digits", "--images", "64", "--out", str(tiny_run))
    assert answer.code == 2
    assert "already holds a run" in answer.error
    assert Run.open(tiny_run).weights.read_bytes() == before


def test_default_folder_is_numbered(tmp_path, monkeypatch):
    assert free_folder("mnist", "gvae", 0).as_posix() == "runs/mnist-gvae-0"
    (tmp_path / "runs/mnist-gvae-0").mkdir(parents=True)
    assert free_folder("mnist", "gvae", 0).as_posix() == "runs/mnist-gvae-0-2"
    assert free_folder("/some/where/my faces", "my.pkg:Model", 1).as_posix() == "runs/my-faces-Model-1"
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(GvaeError, match="name their common run folder with --out"):
        free_folder("mnist", "gvae", 0)


def test_data_verbs(gvae):
    assert re.search(r"^digits +1,797", gvae("data", "list").out)
    told = gvae("data", "inspect", "digits", "-n", "4", "--out", "sheet.png").out
    assert "digits: 1797 images, 8 x 8 pixels" in told
    assert Image.open("sheet.png").size[0] > 0
    assert gvae("data", "prepare", "digits", "--out", "mine").out.startswith("1797 images in mine\n")
    assert "into runs/mine-vae-0" in gvae("train", "vae", "--data", "./mine", "--dry-run").out


def test_quickstart_beside_an_earlier_one(gvae, tmp_path):
    (tmp_path / "q" / "run").mkdir(parents=True)
    answer = gvae("quickstart", "--out", "q", "--images", "256", "--samples", "150")
    assert answer.code == 0
    assert {path.name for path in (tmp_path / "q").iterdir()} == {
        "samples.png", "reconstructions.png", "report.html", "run", "run-2"
    }  # fmt: skip
    assert Run.open("q/run-2").train.images == 256
    rows = {row["name"]: row["value"] for row in json.loads(Run.open("q/run-2").metrics.read_text())["numbers"]}
    assert rows["fd"] > 0
    assert all(name in answer.out for name in ("fd", "coverage", "mse", "elbo"))
    assert "gvae sample q/run-2 -n 100" in answer.out
    assert "<table" in (tmp_path / "q" / "report.html").read_text()


@pytest.mark.parametrize("label", ["12", "10", "-1", "twelve"])
def test_a_class_that_training_did_not_know_is_refused_with_those_it_did(gvae, saved, label):
    answer = gvae("sample", str(saved("vae", conditional=True)), f"--label={label}")
    assert (answer.code, answer.out) == (2, "")
    assert f"no class '{label}'" in answer.error
    assert "Known: 0, 1, 2" in answer.error


def test_sample_says_which_weights_and_that_others_scored_better(gvae, saved):
    run = Run.open(saved("gan"))
    assert gvae("sample", str(run.path), "--weights", "best").error.startswith("gvae: ")
    (run.path / "best.safetensors").write_bytes(run.weights.read_bytes())
    rows = [{"images": 100, "score": 3.0}, {"images": 150}, {"images": 200, "score": 9.0}]
    run.log.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"images": 2')
    last, best = (
        gvae("sample", str(run.path), "-n", "2", "--weights", w, "--out", "s.png").out for w in ("last", "best")
    )
    better = "--weights best takes those of score 3 at 100 training images"
    assert last == f"2 images in s.png, drawn with the last weights (score 9; {better})\n"
    assert best == "2 images in s.png, drawn with the best weights (score 3 at 100 training images)\n"
