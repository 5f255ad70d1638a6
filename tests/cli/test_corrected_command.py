"""A command that was refused can be corrected and typed again; the largest values that are allowed work."""

from __future__ import annotations

import pytest

from gvae import models
from gvae.cli import main
from gvae.config import TrainConfig
from gvae.errors import GvaeError
from gvae.fields import from_json, read
from gvae.training.trainer import Trainer


@pytest.fixture
def untrained(monkeypatch):
    """Trainings build everything, then take no step."""
    monkeypatch.setattr(Trainer, "train", lambda trainer: None)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ("--lr -1", "--lr is -1.0; it must be a finite number above 0"),
        ("--lr nan", "--lr is nan; it must be a finite number above 0"),
        ("--net.width 0", "--net.width is 0; it must be from 1 to 4,096"),
        ("--lr-warmup nan", "--lr-warmup is nan; it must be a finite number from 0 to 1"),
        ("--minutes nan", "--minutes is nan; it must be a finite number above 0 and at most 1,000,000"),
        ("--beta -1", "--beta is -1.0; it must be a finite number of at least 0"),
        ("--kl-warmup -1", "--kl-warmup is -1.0; it must be a finite number from 0 to 1"),
        ("--lr-decay 2", "--lr-decay is 2.0; it must be a finite number from 0 to 1"),
        ("--save-every -1", "--save-every is -1.0; it must be a finite number of at least 0"),
        ("--seed 12345678901234567890", "--seed is 12345678901234567890; it must be from 0 to 4,294,967,295"),
        ("--latent 64 --prior vamp --components 1 --conditional", "--components"),  # fails in the networks
    ],
)
def test_a_mistake_never_blocks_the_corrected_command(wrong, sentence, tmp_path, capsys, untrained):
    words = ["train", "vae", "--data", "digits", "--out", str(tmp_path / "run")]
    assert main([*words, *wrong.split()]) == 2
    told = capsys.readouterr().err
    assert sentence in told
    assert told.splitlines()[-1].startswith("gvae: ")
    assert [line for line in told.splitlines() if not line.startswith(("gvae: ", "note: "))] == []
    assert list(tmp_path.iterdir()) == []
    assert main(words) == 0
    assert (tmp_path / "run" / "run.json").exists()


@pytest.mark.parametrize("model", ["vae", "pca"])
def test_the_largest_seed_serves_every_generator(model, tmp_path, monkeypatch, capsys):
    """NumPy's and scikit-learn's take no more than 32 bits: training, prior, samples and numbers all draw."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gvae.models.latent.FIT_CODES", 500)
    seed = ["--seed", str(2**32 - 1)]
    small = ["--net.family", "mlp", "--net.width", "8", "--latent", "3", "--images", "320", "--out", "run"]
    assert main(["train", model, "--data", "digits", *small, *seed]) == 0
    assert main(["sample", "run", "-n", "2", "--out", "s.png", *seed]) == 0
    assert main(["evaluate", "run", "--metrics", "fd,prdc,class-histogram,elbo,mmd,ms-ssim", *seed]) == 0


def test_networks_larger_than_the_memory_are_a_sentence_and_other_errors_stay():
    def failing(text):
        def kind(config, spec):
            raise RuntimeError(text)

        return kind

    with pytest.raises(GvaeError, match=r"networks of kind do not fit into memory; lower --net.width or"):
        models.build(failing("DefaultCPUAllocator: can't allocate memory: you tried to"), None, None)
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        models.build(failing("mat1 and mat2 shapes cannot be multiplied"), None, None)


def test_types_are_held_to_as_well():
    for value in ("3", 3.0, True, None, [3]):
        with pytest.raises(GvaeError, match=r"^--batch is .*; it must be of type int$"):
            from_json(TrainConfig, {"batch": value})
    assert from_json(TrainConfig, {"clip": 1}).clip == 1.0
    with pytest.raises(GvaeError, match=r"^--clip is inf; it must be a finite number of at least 0$"):
        from_json(TrainConfig, {"clip": 10**400})
    with pytest.raises(GvaeError, match=r"^--window has 3 values; it must have 2$"):
        read(tuple[float, float], [1, 2, 3], "--window")
