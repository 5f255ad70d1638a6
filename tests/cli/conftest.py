"""What the tests of the command line share: a way to type, and one tiny run."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from gvae.cli import main


class Answer(NamedTuple):
    """What a command line did."""

    code: int
    out: str
    error: str


@pytest.fixture
def gvae(capsys):
    """Type a command line in this process."""

    def type_in(*words: str) -> Answer:
        capsys.readouterr()
        code = main(list(words))
        return Answer(code, *capsys.readouterr())

    return type_in


@pytest.fixture(scope="session", autouse=True)
def few_codes():
    """Fit priors to few codes: their quality is no matter of the command line."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gvae.models.latent.FIT_CODES", 500)
        yield


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory) -> Path:
    """A VAE on digits after 256 images."""
    path = tmp_path_factory.mktemp("cli") / "run"
    words = [
        "train",
        "vae",
        "--data",
        "digits",
        "--images",
        "256",
        "--batch",
        "64",
        "--latent",
        "4",
        "--prior",
        "normal",
    ]
    assert main([*words, "--log-every", "1", "--net.width", "16", "--out", str(path)]) == 0
    return path
