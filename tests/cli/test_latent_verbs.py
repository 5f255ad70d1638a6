"""attributes, edit, morph and walk: every model does them or says why not, and every mistake gets a sentence."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gvae.data.dataset import Dataset
from gvae.data.prepared.store import write_prepared
from gvae.latent.inversion import Search
from gvae.latent.store import kept
from gvae.loaded import load
from gvae.models import MODELS
from gvae.plots.grids import to_uint8
from gvae.runs import Run
from gvae.types import DataSpec


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setattr("gvae.latent.inversion.SEARCH", Search(candidates=8, starts=2, steps=3))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def run(tiny_run, tmp_path) -> str:
    """A copy of the tiny run that a test may write into."""
    return str(shutil.copytree(tiny_run, tmp_path / "copy"))


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_every_model_edits_morphs_and_walks(gvae, saved, name, conditional):
    path = str(saved(name, conditional=conditional))
    label = ["--label", "3"] if conditional else []
    edited = gvae("edit", path, "test:3", "--add", "z0=2,z3=-1", *label, "--out", "e.png")
    assert (edited.code, edited.out.startswith("test:3, its reconstruction (mean squared error")) == (0, True)
    assert ("no encoder: looking for codes" in edited.error) == (not load(path).can("encode"))
    assert (
        gvae("morph", path, "test:0", "test:1", "--steps", "3", "--path", "linear", *label, "--out", "m.png").code == 0
    )
    assert pixels("e.png").shape == (8 * 16, 7 * (8 * 16) + 6 * 16)  # seven images, 16 times enlarged
    assert pixels("m.png").shape == (8 * 16, 5 * (8 * 16) + 4 * 16)
    assert gvae("walk", path, "--seconds", "0.4", *label).code == 0
    with Image.open(f"{Path(path).name}-walk.gif") as film:
        assert film.n_frames > 1


@pytest.mark.parametrize("name", MODELS)
def test_every_model_learns_directions_or_says_why_not(gvae, saved, name):
    path = saved(name)
    answer = gvae("attributes", str(path), "--images", "300", "--names", "3,7")
    if load(path).can("encode"):
        assert (answer.code, list(kept(Run.open(path)))) == (0, ["3", "7"])
    else:
        assert (answer.code, "has no encoder, and directions are learned" in answer.error) == (2, True)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_follows_its_density_or_says_why_not(gvae, saved, name):
    path = saved(name)
    label = ["--label", "3"] if load(path).model.condition else []
    words = ["morph", str(path), "test:0", "test:1", "--steps", "3", *label, "--out", "m.png"]
    answer, other = gvae(*words, "--path", "density"), gvae(*words)
    if load(path).can("encode"):
        assert answer.out == other.out == "test:0, 3 steps (density) and test:1 in m.png\n"
    else:
        assert (answer.code, "is normal, which is densest at 0" in answer.error) == (2, True)
        assert other.out == "test:0, 3 steps (spherical) and test:1 in m.png\n"


def test_directions_tell_held_out_digits_apart_and_make_the_edit(gvae, run):
    answer = gvae("attributes", run, "--method", "logistic")
    assert answer.code == 0
    directions = kept(Run.open(run))
    assert list(directions) == list("0123456789")
    zero = directions["0"]
    assert (zero.method, zero.data, zero.positive, zero.negative) == ("logistic", "digits", 142, 1297)
    assert zero.auc is not None
    assert zero.auc > 0.8  # after 256 images
    assert f"{zero.auc:.3f}" in answer.out
    told = gvae("edit", run, "test:3", "--add", "0=2", "--add=1=-0.5", "--steps", "2", "--out", "e.png").out
    assert "2 steps to 0 +2, 1 -0.5 in e.png" in told
    loaded = load(run)
    from gvae.data import open_data

    data = open_data("digits")
    x = data.batch(data.split("test")[3:4]).x
    z = loaded.encode(x)
    z = torch.cat([z + k * (2 * zero.vector - 0.5 * directions["1"].vector) for k in (0, 0.5, 1)])
    expected = to_uint8(torch.cat([x, loaded.decode(z)]))[..., 0]
    got = pixels("e.png")[::16, :]
    for k, image in enumerate(expected):
        start = k * (8 * 16 + 16)
        assert np.abs(got[:, start : start + 128 : 16].astype(int) - image).max() <= 1


def test_mean_differences_stop_reading_when_they_have_settled(gvae, run, monkeypatch):
    monkeypatch.setattr("gvae.latent.learning.BLOCK", 100)
    monkeypatch.setattr("gvae.latent.directions.SETTLED", 0.2)
    gvae("attributes", run, "--names", "0", "--method", "mean")
    assert 200 <= kept(Run.open(run))["0"].options["images"] < 1439


def test_regression_holds_all_classes_against_each_other(gvae, run):
    gvae("attributes", run, "--method", "regression", "--names", "0,1")
    two = kept(Run.open(run))
    gvae("attributes", run, "--method", "regression")
    everything = kept(Run.open(run))
    assert torch.equal(two["1"].vector, everything["1"].vector)
    total = torch.stack([direction.vector for direction in everything.values()]).sum(0)
    assert torch.allclose(total, torch.zeros(4), atol=1e-4)  # each goes from the mean of all classes to its own


def test_components_need_no_labels(gvae, run):
    answer = gvae("attributes", run, "--components", "3")
    directions = kept(Run.open(run))
    assert list(directions) == ["pc1", "pc2", "pc3"]
    shares = [direction.share for direction in directions.values()]
    assert shares == sorted(shares, reverse=True)
    assert f"{shares[0]:.1%}" in answer.out
    assert "have 1 to 4" in gvae("attributes", run, "--components", "5").error


def pictures(folder: str, data: Dataset, indices) -> str:
    Path(folder).mkdir()
    for k, image in enumerate(to_uint8(data.batch(indices).x)):
        Image.fromarray(image[..., 0]).resize((24, 24), 0).save(f"{folder}/{k:03d}.png")
    return folder


def test_two_folders_of_pictures(gvae, run, digits):
    labels = np.asarray(digits.labels)
    zeros = pictures("zeros", digits, np.flatnonzero(labels == 0)[:40])
    ones = pictures("ones", digits, np.flatnonzero(labels == 1)[:30])
    assert gvae("attributes", run, "--with", zeros, "--without", ones).code == 0
    assert gvae("attributes", run, "--with", zeros, "--without", ones, "--name", "round").code == 0
    directions = kept(Run.open(run))
    assert torch.equal(directions["zeros"].vector, directions["round"].vector)
    counts = directions["round"].positive, directions["round"].negative
    assert counts == (37, 26)  # of 40 and 30: images are held out by their content
    assert directions["round"].data == "zeros, ones"
    few = pictures("few", digits, np.arange(8))
    told = gvae("attributes", run, "--with", few, "--without", ones).error
    assert "6 images with few and 26 without were read; a direction needs at least 10 of each" in told


def test_attributes_of_a_data_set(gvae, saved, digits, tmp_path):
    number = np.asarray(digits.labels)
    attributes = np.stack([number % 2, number > 4, np.arange(len(number)) < 5], 1).astype(np.uint8)
    spec = replace(digits.spec, name="odd", classes=(), attributes=("odd", "large", "first"))
    data = str(write_prepared(replace(digits, spec=spec, labels=None, attributes=attributes), tmp_path / "odd"))
    path = str(saved("pca"))
    answer = gvae("attributes", path, "--data", data)
    assert "Left out, with fewer than 10 images with or without: first" in answer.out
    found = kept(Run.open(path))
    assert list(found) == ["odd", "large"]
    assert found["odd"].positive == int((number[digits.split("train")] % 2).sum())
    for names, message in (
        ("od", "no attribute 'od'; did you mean 'odd'"),
        ("first", "images with first and 14"),
        ("odd,first", "a direction needs at least 10 of each"),
    ):
        answer = gvae("attributes", path, "--data", data, "--names", names)
        assert (answer.code, message in answer.error) == (2, True)


def test_data_without_any_labels(gvae, saved, digits, tmp_path):
    spec = replace(digits.spec, name="bare", classes=())
    data = str(write_prepared(replace(digits, spec=spec, labels=None), tmp_path / "bare"))
    answer = gvae("attributes", str(saved("pca")), "--data", data)
    assert "bare has neither attributes nor classes; give two folders with --with and --without" in answer.error


def test_directions_of_earlier_weights_are_dropped_aloud(gvae, run):
    gvae("attributes", run, "--names", "0,1")
    gvae("resume", run, "--images", "512")
    assert "have changed since its directions were learned" in gvae("edit", run, "test:0", "--add", "0=1").error
    told = gvae("attributes", run, "--names", "1").out
    assert "Dropped, since the run was trained on after they were learned: 0\n" in told
    assert gvae("edit", run, "test:0", "--add", "1=1").code == 0


def test_a_picture_is_read_as_the_runs_data_was(gvae, run, digits):
    x = digits.batch(digits.split("test")[:2]).x
    image = Image.fromarray(to_uint8(x)[0, ..., 0])
    wide = Image.new("RGB", (64, 32))  # colour, too large, and the digit in the middle of the width
    wide.paste(image.resize((32, 32), 0).convert("RGB"), (16, 0))
    wide.save("wide.png")
    gvae("morph", run, "wide.png", "test:1", "--out", "m.png")
    first = pixels("m.png")[:, :80][::10, ::10]
    assert np.abs(first.astype(int) - np.asarray(image)).mean() < 25  # Lanczos is no inverse of repetition
    gvae("morph", run, "wide.png", "test:1", "--fit", "pad", "--out", "p.png")
    padded = pixels("p.png")[:, :80][::10, ::10]
    assert padded[:2].max() == 0
    assert padded[2:6].max() > 0


def test_a_morph_goes_from_one_reconstruction_to_the_other(gvae, run, digits):
    assert gvae("morph", run, "test:0", "test:1").out == "test:0, 9 steps (spherical) and test:1 in copy-morph.png\n"
    x = digits.batch(digits.split("test")[:2]).x
    again = load(run).reconstruct(x)
    expected = to_uint8(torch.cat([x[:1], again, x[1:]]))[..., 0].astype(int)
    tiles = pixels("copy-morph.png")[::10]
    for k, image in zip((0, 1, 9, 10), expected, strict=True):
        assert np.abs(tiles[:, k * 90 : k * 90 + 80 : 10] - image).max() <= 1


def test_an_animated_morph_goes_there_and_back(gvae, run):
    told = gvae("morph", run, "test:0", "test:1", "--steps", "5", "--path", "linear", "--out", "m.webp").out
    assert told == "5 steps there and back (linear) in m.webp\n"
    with Image.open("m.webp") as film:
        images = []
        for k in range(film.n_frames):
            film.seek(k)
            images.append(np.asarray(film.convert("L")))
    assert len(images) == 8
    assert images[0].shape == (256, 256)
    for k in (1, 2, 3):
        assert np.array_equal(images[k], images[-k])


def test_the_same_seed_is_the_same_walk(gvae, run):
    words = ["--seconds", "0.6", "--anchors", "3"]
    assert gvae("walk", run, *words, "--out", "a.gif").out == "15 frames, 0.6 seconds, in a.gif\n"
    gvae("walk", run, *words, "--out", "b.gif")
    gvae("walk", run, *words, "--seed", "1", "--out", "c.gif")
    a, b, c = (Path(f"{name}.gif").read_bytes() for name in "abc")
    assert a == b != c


def test_conditional_models_are_told_by_the_data_or_by_the_user(gvae, saved, digits):
    path = str(saved("cvae"))
    same = [f"test:{k}" for k in np.flatnonzero(np.asarray(digits.labels)[digits.split("test")] == 4)[:2]]
    assert gvae("morph", path, *same, "--out", "m.png").code == 0
    assert (
        "the pictures are of several kinds; give --label, of 0, 1, 2" in gvae("morph", path, "test:0", "test:1").error
    )
    assert "no condition is given; give --label, of 0, 1, 2" in gvae("walk", path).error
    Image.new("L", (8, 8), 128).save("gray.png")
    assert "no condition is given" in gvae("edit", path, "gray.png", "--add", "z0=1").error
    assert gvae("edit", path, "gray.png", "--add", "z0=1", "--label", "4").code == 0
    plain = gvae("walk", str(saved("vae")), "--label", "4").error
    assert "was trained without labels: leave --label out" in plain
    told = saved("vae", replace(digits.spec, classes=(), attributes=("odd", "large")), conditional=True)
    assert "give --attributes, of odd, large" in gvae("walk", str(told)).error
    assert gvae("walk", str(told), "--attributes", "odd", "--seconds", "0.4").code == 0


def test_volumes_walk_and_take_no_picture_files(gvae, saved):
    path = str(saved("vae", DataSpec("ct", 1, (8, 8, 8))))
    assert gvae("walk", path, "--seconds", "0.4").code == 0
    Image.new("L", (8, 8)).save("a.png")
    told = gvae("edit", path, "a.png", "--add", "z0=1").error
    assert "makes images of 8 x 8 x 8, to which a picture cannot be brought; name one of its data, as test:0" in told


def test_black_and_white_models_see_black_and_white(gvae, saved):
    path = str(saved("vae", DataSpec("bw", 1, (8, 8), high=1.0, binary="static")))
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) * 4).save("ramp.png")
    assert gvae("edit", path, "ramp.png", "--add", "z0=1", "--out", "e.png").code == 0
    assert pixels("e.png")[::16, :128:16].tolist() == [[0] * 8] * 4 + [[255] * 8] * 4


MISTAKES = [
    ("edit RUN test:0", "Missing from gvae edit: --add"),
    ("edit RUN test:0 --add Smiling=1", "keeps no directions yet, so nothing is known of 'Smiling'"),
    ("edit RUN test:0 --add z9=1", "no component z9; the code of"),
    ("edit RUN test:0 --add z0=nan", "--add is 'z0=nan'; write NAME=ALPHA with a finite number"),
    ("edit RUN test:0 --add z0=inf", "with a finite number"),
    ("edit RUN test:0 --add z0", "--add is 'z0'; write NAME=ALPHA"),
    ("edit RUN test:0 --add =1", "--add is '=1'; write NAME=ALPHA"),
    ("edit RUN test:0 --add ,", "--add is ','; write NAME=ALPHA"),
    ("edit RUN test:0 --add z0=1 --add z1", "--add is 'z1'; write NAME=ALPHA"),
    ("edit RUN test:0 --add z0=1 --steps 0", "--steps is 0; it must be from 1 to 1,000"),
    ("edit RUN test:0 --add z0=1 --out e.gif", "--out is e.gif; its name must end in one of .png, .jpg, .jpeg, .tiff"),
    ("edit RUN photo.png --add z0=1", "there is no picture photo.png; give a file, or an image of the run's data"),
    ("edit RUN broken.png --add z0=1", "broken.png cannot be read as a picture (cannot identify"),
    ("edit RUN test:9999 --add z0=1", "has no image test:9999; give test:0 to test:178"),
    ("edit nowhere test:0 --add z0=1", "nowhere is not a run folder"),
    ("morph RUN test:0", "Missing from gvae morph"),
    ("morph RUN test:0 test:1 --steps 1", "--steps is 1; it must be from 2 to 10,000"),
    ("morph RUN test:0 test:1 --path straight", "there is no value 'straight'"),
    ("morph RUN test:0 test:1 --path density", "the prior of copy is normal, which is densest at 0"),
    ("morph RUN test:0 test:1 --out m.foo", "--out is m.foo; its name must end in one of .png"),
    ("walk RUN --anchors 1", "--anchors is 1; it must be from 2 to 15,000"),
    ("walk RUN --seconds nan", "--seconds is nan; it must be a finite number above 0 and at most 600"),
    ("walk RUN --seconds 1e9", "--seconds is 1000000000.0"),
    ("walk RUN --out w.png", "--out is w.png; its name must end in one of .gif, .webp, .mp4"),
    ("attributes nowhere", "nowhere is not a run folder"),
    ("attributes RUN --names 77", "no attribute '77'"),
    ("attributes RUN --images 9 --names 3", "a direction needs at least 10 of each: read more with --images"),
    ("attributes RUN --images 9", "a direction needs at least 10 of each"),
    ("attributes RUN --images 0", "--images is 0; it must be from 1 to"),
    ("attributes RUN --with a", "--with and --without go together"),
    ("attributes RUN --with a --without b --names 3", "in place of --data, --names and --components"),
    ("attributes RUN --with a --without b", "there is no folder a"),
    ("attributes RUN --with a --without b --name x=y", "must not contain = or a comma"),
    ("attributes RUN --seed -1", "--seed is -1; it must be from 0 to 4,294,967,295"),
    ("attributes RUN --name x", "--name is for --with and --without"),
    ("attributes RUN --components 0", "--components is 0; it must be from 1 to 65,536"),
    ("attributes RUN --method median", "there is no value 'median'"),
    ("attributes RUN --data toy4", "was trained on 1x8x8 images"),
]


@pytest.mark.parametrize(("line", "told"), MISTAKES)
def test_every_mistake_gets_a_sentence(gvae, run, line, told, tmp_path):
    (tmp_path / "broken.png").write_text("no picture")
    before = sorted(tmp_path.rglob("*"))
    answer = gvae(*line.replace("RUN", Path(run).name).split())
    assert (answer.code, answer.out) == (2, "")
    assert told in answer.error
    assert answer.error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
