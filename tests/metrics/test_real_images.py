"""What the metrics say about real MNIST images and images spoilt in known ways; needs GVAE_DATA."""

from typing import Any

import numpy as np
import pytest
import torch

from gvae.data import open_data
from gvae.metrics.class_histogram import class_histogram
from gvae.metrics.features import extract
from gvae.metrics.frechet import frechet
from gvae.metrics.kernel import kernel_distance
from gvae.metrics.mmd import mmd
from gvae.metrics.mmd_linear import mmd_linear
from gvae.metrics.prdc import prdc

N = 1280


@pytest.fixture(scope="module")
def images(data_root) -> dict[str, torch.Tensor]:
    """Real test images, and training images as they are and spoilt."""
    data = open_data("mnist", data_root)
    rng = np.random.default_rng(0)
    x, y = data.batch(rng.permutation(data.split("train"))[: 2 * N])
    real, generator = x[:N], torch.Generator().manual_seed(0)
    return {
        "reference": data.batch(rng.permutation(data.split("test"))[:N]).x,
        "real": real,
        "blur": torch.nn.functional.avg_pool2d(real, 3, 1, 1),
        "noise": (real + 0.3 * torch.randn(real.shape, generator=generator)).clamp(-1, 1),
        "no ones": x[y != 1][:N],
        "few": real[:64].repeat(N // 64, 1, 1, 1),
        "mean": real.mean(0, keepdim=True).repeat(N, 1, 1, 1),
    }


def test_feature_metrics_see_every_defect(images):
    features: dict[str, Any] = {name: extract(x, "mnist") for name, x in images.items()}
    real, real_classes = features.pop("reference")
    fd = {name: frechet(real, fake)["fd"] for name, (fake, _) in features.items()}
    kd = {name: kernel_distance(real, fake)["kd"] for name, (fake, _) in features.items()}
    coverage = {name: prdc(real, fake)["coverage"] for name, (fake, _) in features.items()}
    for spoilt in set(fd) - {"real"}:
        assert fd[spoilt] > 2 * fd["real"], spoilt
        assert kd[spoilt] > kd["real"] + 1, spoilt
        assert coverage[spoilt] < coverage["real"] - 0.03, spoilt
    assert fd["real"] < 3
    assert coverage["few"] < 0.25
    histogram = {name: class_histogram(real_classes, classes) for name, (_, classes) in features.items()}
    assert histogram["real"]["kl_real"] < 0.02
    assert histogram["no ones"]["share_1"] < 0.01
    assert histogram["no ones"]["kl_real"] > 0.05
    assert histogram["mean"]["largest"] == 1


def test_pixel_mmd_sees_defects_and_the_batch_mmd_has_its_published_values(images):
    real, *rest = (images[name].numpy() for name in ("reference", "real", "blur", "noise", "mean"))
    same, *spoilt = (mmd(real, fake) for fake in rest)
    assert abs(same["mmd"]) < 2 * same["error"]
    assert all(result["mmd"] > 20 * same["error"] for result in spoilt)
    # in [-1, 1], batch 32: about 13.35 between real images, and half of it for the constant mean image
    assert mmd_linear(real, rest[0])["mmd_linear"] == pytest.approx(13.35, rel=0.1)
    assert mmd_linear(real, rest[-1])["mmd_linear"] == pytest.approx(6.6, rel=0.1)


def test_random_features_hardly_see_missing_classes_that_the_classifier_sees(data_root):
    """docs/metrics/features.md: half of the classes missing, against the floor: 12 times and 120 times."""
    data, n = open_data("mnist", data_root), 5000
    test, train = (np.random.default_rng(0).permutation(data.split(name)) for name in ("test", "train"))
    low = train[np.asarray(data.labels)[train] < 5]

    def above_floor(network: str) -> float:
        real, same, half = (extract(data.batch(i[:n]).x, network)[0] for i in (test, train, low))
        return frechet(real, half)["fd"] / frechet(real, same)["fd"]

    assert above_floor("") == pytest.approx(12, rel=0.2)
    assert above_floor("mnist") == pytest.approx(121, rel=0.2)
