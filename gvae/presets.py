"""Named experiments: what differs from a model's defaults, by the names of its options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """An experiment with a name.

    Args:
        about: what it is and where it comes from, in one sentence without the full stop.
        changes: option to value; nested options by their dotted name (`net.family`).
    """

    about: str
    changes: dict[str, Any]


PAPER = {
    "latent": 1000,
    "lr": 1e-4,
    "critic_lr": 1e-4,
    "batch": 32,
    "ema": 0,
    "rise": 0.0,
    "decay": 0.0,
    "start": 0.0,  # all players from the first step
    "adversarial": "wasserstein",
    "weight": 0.2,  # the mean of two kinds of fakes: a tenth of the L1 error's weight for each
    "rec_share": 0.5,
    "penalty": 10.0,
    "code": "critic",
    "order": "sequential",
    "likelihood": "laplace",
    "sigma": 1.0,  # a plain L1 error
    "prior": "normal",
}
"""the papers' own choices, where they contradict each other the likelier one"""

PRESETS: dict[str, dict[str, Preset]] = {
    "gvae": {
        "paper": Preset(
            "the faithful reading of the GVAE papers: L1 reconstruction, Wasserstein critic with gradient "
            "penalty 10, code critic in place of the closed-form KL, players one after the other, Adam 1e-4, "
            "batch 32, latent 1000 (--latent 512 --net.family resnet for the papers' Tables 1 and 2)",
            PAPER,
        ),
        "digits": Preset(
            "for images of 8x8 pixels: a code of few dimensions, every nat of which is kept",
            {"latent": 16, "beta": 1.0},
        ),
    },
}
