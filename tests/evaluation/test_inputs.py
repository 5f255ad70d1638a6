"""What metrics need from a run and a data set; every registered metric over models that do much or little."""

import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from gvae.config import NetConfig, TrainConfig
from gvae.data.dataset import Dataset
from gvae.errors import GvaeError
from gvae.evaluation.inputs import NEEDS, Inputs
from gvae.evaluation.measure import measure
from gvae.loaded import Loaded
from gvae.metrics import COSTLY, METRICS, get
from gvae.metrics.base import Metric
from gvae.metrics.features import CLASSIFIERS, RandomConv, extract, extractor
from gvae.models.vae import VAE, Config
from gvae.runs import Run
from gvae.types import DataSpec

FOLDER = tempfile.TemporaryDirectory()
"""where long measurements keep their parts"""
SLOW = {"ms-ssim-256", "iwae"}
"""iwae-5 stands in for iwae"""


def loaded(spec: DataSpec, conditional: bool = False) -> Loaded:
    """An untrained VAE."""
    config = Config(latent=3, net=NetConfig(width=8), conditional=conditional)
    torch.manual_seed(0)
    run = Run(
        Path(FOLDER.name) / "run",
        "vae",
        {"prior": "mixture", "likelihood": "gaussian"},
        TrainConfig(),
        spec.name,
        spec,
        {},
    )
    return Loaded(run, VAE(spec, config).eval())


def gan(dataset: Dataset, images: np.ndarray | None = None) -> Any:
    """A model that only samples: real training images, or the images given."""
    x = dataset.batch(dataset.split("train")[::-1]).x if images is None else torch.from_numpy(images)
    return SimpleNamespace(
        spec=dataset.spec,
        run=SimpleNamespace(path="run", model_config={}),
        model=SimpleNamespace(condition=0),
        can=lambda name: False,
        sample=lambda n, y=None, prior=None, seed=0: x[:n],
    )


@pytest.fixture(scope="module")
def needs(digits) -> Inputs:
    return Inputs(loaded(digits.spec), digits, samples=300)


@pytest.mark.parametrize("name", [*sorted(set(METRICS) - SLOW), "iwae-5"])
def test_every_metric_measures_a_vae(needs, name):
    metric = get(name)
    assert metric.name == name
    if name in COSTLY:
        needs = Inputs(needs.loaded, needs.dataset, samples=300, weighed=4)
    assert {need.partition(":")[0] for need in metric.needs + (metric.floor or ())} <= set(NEEDS)
    result = measure(metric, needs)
    assert result["better"] == metric.better
    assert {"data": "digits", "split": "test", "seed": 0}.items() <= result["protocol"].items()
    if name == "ms-ssim":
        assert (result["value"], result["why"]) == (None, "n/a (three scales need 28 pixels, images have 8)")
        return
    if name == "exact":
        assert result["why"] == "n/a (exact for pca, and for codes of 1 or 2 dimensions of tiny images)"
        return
    assert all(np.isfinite(v) and isinstance(v, float) for v in result["values"].values())
    assert result["value"] == next(iter(result["values"].values()))
    assert (result["floor"] is not None) == (metric.floor is not None)
    if metric.floor and metric.better == "lower":
        assert result["floor"][next(iter(result["values"]))] < result["value"]


def test_a_model_that_only_samples_gets_reasons_not_errors(digits):
    only = Inputs(gan(digits), digits, samples=200)
    for name in ("mse", "kl", "code-kl", "elbo", "iwae-5", "nats"):
        result = measure(get(name), only)
        assert result["value"] is None
        assert result["why"] in ("n/a (no encoder)", "n/a (no likelihood)")
    assert measure(get("fd"), only)["value"] < 3 * measure(get("fd"), only)["floor"]["fd"]


def test_real_images_score_like_the_floor_and_collapse_scores_badly(digits):
    one = digits.batch(digits.split("train")[:1]).x.numpy()
    real, collapsed = (Inputs(gan(digits, x), digits, samples=170) for x in (None, np.repeat(one, 170, 0)))
    for name in ("fd", "kd", "class-histogram", "mmd"):
        good, bad = measure(get(name), real)["value"], measure(get(name), collapsed)["value"]
        assert good < bad / 5, name
    assert measure(get("prdc"), real)["value"] > 0.7
    assert measure(get("prdc"), collapsed)["value"] < 0.1


def test_each_thing_is_computed_once_and_seeds_decide(needs, digits):
    assert needs.get("fake") is needs.get("fake")
    assert needs.get("real_features") is needs.get("real_features")
    again = Inputs(needs.loaded, digits, samples=300)
    other = Inputs(needs.loaded, digits, samples=300, seed=1)
    for name in ("fake", "codes", "log_weights"):
        assert np.array_equal(needs.get(name), again.get(name))
        assert not np.array_equal(needs.get(name), other.get(name))
    assert np.array_equal(needs.get("real"), other.get("real"))


def test_sizes_splits_and_labels(needs, digits):
    held = len(digits.split("test"))
    assert needs.get("real").shape == (held, 1, 8, 8)
    assert needs.get("fake").shape == needs.get("other").shape == (300, 1, 8, 8)
    assert needs.get("bounds:7").shape == (2, held)
    assert needs.count("bounds:1000") == 50
    assert needs.get("fake_labels") is None
    assert sorted(needs.get("real_labels")) == sorted(np.asarray(digits.labels)[digits.split("test")])
    assert Inputs(needs.loaded, digits, split="val").other_split == "train"
    large = Inputs(needs.loaded, digits)
    assert large.count("fake") == large.count("other") == len(digits.split("train"))  # so that the floor has the same n


def test_a_conditional_model_is_asked_for_the_classes_of_the_data(digits):
    conditional = Inputs(loaded(digits.spec, conditional=True), digits, samples=150)
    assert conditional.get("fake_labels").shape == (150,)
    assert conditional.get("reconstructions").shape == (150, 1, 8, 8)
    assert measure(get("elbo"), conditional)["n"] == 150


def test_too_few_images_is_an_error_that_names_the_number(digits):
    few = Inputs(loaded(digits.spec), digits, samples=60)
    with pytest.raises(GvaeError, match=r"fd needs at least 100 images, got 60 \(real features\); give more --samples"):
        measure(get("fd"), few)
    result = measure(get("fd"), few, strict=False)
    assert result["value"] is None
    assert "at least 100 images" in result["why"]
    assert measure(get("prdc"), few)["value"] is not None


def test_the_protocol_says_what_must_be_equal(needs, digits):
    protocol = measure(get("fd"), needs)["protocol"]
    expected = {"n_samples": 300, "n_floor": 300, "floor_split": "train", "features": "digits-classifier"}
    assert expected.items() <= protocol.items()
    assert len(protocol["features_sha256"]) == 16
    assert set(protocol["versions"]) == {"gvae", "torch", "numpy"}
    normal = Inputs(needs.loaded, digits, samples=300, prior="normal")
    assert measure(get("fd"), normal)["protocol"]["prior"] == "normal"
    assert measure(get("elbo"), needs)["protocol"]["likelihood"] == "gaussian"
    assert "prior" not in measure(get("nats"), needs)["protocol"]
    assert measure(get("iwae-5"), needs)["protocol"]["k"] == 5


def test_unlike_images_and_bad_numbers_are_refused(digits):
    spec = DataSpec("digits", 1, (12, 12))
    with pytest.raises(GvaeError, match=r"shape \(1, 12, 12\), those of digits have shape \(1, 8, 8\)"):
        Inputs(loaded(spec), digits)
    with pytest.raises(GvaeError, match="at least 1"):
        Inputs(loaded(digits.spec), digits, samples=0)
    broken = np.full((200, 1, 8, 8), np.nan, np.float32)
    with pytest.raises(GvaeError, match="diverged"):
        measure(get("fd"), Inputs(gan(digits, broken), digits, samples=200))


def test_data_without_a_classifier_gets_random_features_and_no_histogram():
    spec = DataSpec("blobs", 3, (16, 16))
    images = np.random.default_rng(0).integers(0, 255, (300, 16, 16, 3), dtype=np.uint8)
    data = Dataset(spec, images, splits={"train": np.arange(150), "test": np.arange(150, 300)})
    blobs = Inputs(gan(data), data)
    result = measure(get("fd"), blobs)
    assert result["protocol"]["features"] == "random-conv"
    assert result["value"] == pytest.approx(
        result["floor"]["fd"], rel=1e-9
    )  # the same real images as samples and as floor
    assert measure(get("class-histogram"), blobs)["why"] == "n/a (no classifier for blobs)"
    alone = Dataset(spec, images, splits={"test": np.arange(300)})
    assert measure(get("mmd"), Inputs(gan(data), alone, samples=150))["floor"] is None


@pytest.mark.parametrize("data", sorted(CLASSIFIERS))
def test_shipped_classifiers_are_small_and_their_features_do_not_depend_on_the_block(data):
    shape = CLASSIFIERS[data]
    x = torch.rand(9, *shape, generator=torch.Generator().manual_seed(0)) * 2 - 1
    features, probabilities = extract(x, data)
    assert features.shape == (9, 64)
    assert features.min() >= 0
    assert probabilities is not None
    assert probabilities.sum(1) == pytest.approx(np.ones(9))
    assert extract(x, data, block=4)[0] == pytest.approx(features, abs=1e-4)
    assert sum(p.numel() for p in extractor(data, shape).net.parameters()) < 200_000
    assert extractor(data, (1, 32, 32)).protocol["features"] == "random-conv"


def test_the_digits_classifier_knows_its_test_images(digits):
    indices = digits.split("test")
    probabilities = extract(digits.batch(indices).x, "digits")[1]
    assert probabilities is not None
    assert (probabilities.argmax(1) == np.asarray(digits.labels)[indices]).mean() > 0.97


def test_random_features_are_the_same_everywhere_and_work_on_volumes():
    weights = [p.sum().item() for p in RandomConv(3, 2, 64).parameters()]
    torch.manual_seed(123)
    assert weights == [p.sum().item() for p in RandomConv(3, 2, 64).parameters()]
    features, probabilities = extract(torch.rand(2, 1, 16, 20, 24), "ct")
    assert features.shape == (2, 64)
    assert probabilities is None
    with pytest.raises(GvaeError, match=r"\(N, C, \*S\)"):
        extract(torch.rand(3, 28, 28), "mnist")


def test_names_are_checked(needs):
    with pytest.raises(GvaeError, match="did you mean 'prdc'"):
        get("prdk")
    with pytest.raises(GvaeError, match=r"no_such_module:METRIC.*give package.module:name"):
        get("no_such_module:METRIC")
    assert get("gvae.metrics.kernel:METRIC").name == "kd"
    with pytest.raises(GvaeError, match="did you mean 'codes'"):
        needs.get("code")


def test_a_metric_is_one_file_and_one_line(needs):
    metric = Metric("count", lambda x: {"count": float(len(x))}, ("fake",), "higher", "how many", "")
    assert measure(metric, needs)["value"] == 300
    assert {Path(sys.modules[m].__file__ or "").stem for m in METRICS.values() if m in sys.modules} <= {
        m.rpartition(".")[2] for m in METRICS.values()
    }


def test_listing_metrics_imports_neither_torch_nor_numpy():
    code = "import sys, gvae.metrics as m; print(len(m.METRICS), 'torch' in sys.modules, 'numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.split() == [str(len(METRICS)), "False", "False"]


@pytest.mark.parametrize("name", ["elbo", "iwae-5", "ais-2x2"])
def test_a_bound_says_that_its_prior_is_not_the_one_that_samples_are_drawn_from(digits, name):
    few = Inputs(loaded(digits.spec), digits, samples=4, weighed=2)
    told = "as fitted; samples are drawn denoised"
    assert measure(get(name), few)["protocol"]["prior_density"] == told
    plain = Inputs(few.loaded, digits, samples=4, weighed=2, prior="normal")
    assert "prior_density" not in measure(get(name), plain)["protocol"]
    few.loaded.model.prior.denoise = 0.0  # pyright: ignore
    assert "prior_density" not in measure(get(name), few)["protocol"]
    assert "prior_density" not in measure(get("mse"), plain)["protocol"]
