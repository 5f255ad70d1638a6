"""Named experiments: what differs from a model's defaults, by the names of its options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gvae.errors import GvaeError, choose


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
    "momentum": 0.5,  # alpha-GAN's; with 0.9 every pixel goes black, from which a saturated tanh does not come back
    "critic_lr": 1e-4,
    "batch": 32,
    "ema": 0,
    "lr_warmup": 0.0,
    "lr_decay": 0.0,
    "start": 0.0,  # all players from the first step
    "adversarial": "wasserstein",
    "augment": "none",
    "weight": 0.02,  # a tenth of the L1 error's GRADIENT; as a tenth of its value, 0.2, critics pull 3 to 10 times as hard
    "rec_share": 0.5,
    "penalty": 10.0,
    "code": "critic",
    "order": "sequential",
    "likelihood": "laplace",
    "sigma": 1.0,  # a plain L1 error
    "prior": "normal",
}
"""the papers' own choices, where they contradict each other the likelier one"""

PLAIN = {"ema": 0, "lr_warmup": 0.0, "lr_decay": 0.0, "kl_warmup": 0.0, "prior": "normal"}
"""what the papers of 2013 to 2020 do without"""

DRAW = {
    "glimpses": 64,
    "read": 2,
    "latent": 100,
    "lr": 1e-3,
    "clip": 10.0,
    "likelihood": "bernoulli",
    "prior": "normal",
    "kl_warmup": 0.0,
}
"""DRAW's own choices"""

PRESETS: dict[str, dict[str, Preset]] = {
    "vae": {
        "faces": Preset(
            "the face model of vae-faces: four convolutions and their transposed mirror, latent 200, Adam 5e-4, "
            "batch 150; sigma 3.135 is its "
            "reconstruction weight of 10000 on the mean squared error at 128 x 128 x 3 pixels (another size needs "
            "another sigma: the root of pixel values / 5000)",
            {
                "latent": 200,
                "lr": 5e-4,
                "batch": 150,
                "net.family": "conv",
                "net.up": "transposed",
                "likelihood": "gaussian",
                "sigma": 3.135,
                **PLAIN,
            },
        ),
        "plane": Preset(
            "the two-dimensional code of gans-vs-vaes, which can be looked at as a map: Bernoulli likelihood, batch 100",
            {"latent": 2, "batch": 100, "likelihood": "bernoulli", **PLAIN},
        ),
        "likelihood": Preset(
            "for a high log-likelihood on binarised digits: latent 40, a prior of RealNVP couplings learned in the bound",
            {"latent": 40, "prior": "realnvp", "learn_prior": True, "net.depth": 2},
        ),
    },
    "vae-nf": {"t80": Preset("80 planar steps, the longest flow of the paper", {"latent": 40, "steps": 80})},
    "vae-iaf": {
        "depth2": Preset(
            "2 steps of width 320: two thirds of the largest model's gain at a tenth of its cost",
            {"steps": 2, "hidden": 320},
        ),
        "depth8": Preset("8 steps of width 1920, the paper's largest model on MNIST", {"steps": 8, "hidden": 1920}),
    },
    "vae-hvi": {
        "l8": Preset("8 leapfrog steps in one iteration, as the paper's row of -88.3 nats", {"leapfrog": 8}),
        "l16": Preset("16 leapfrog steps in one iteration", {"leapfrog": 16}),
    },
    "vae-vgp": {
        "layers2": Preset(
            "two stochastic layers of 100 and 50 dimensions, the upper one hidden from the generator: the paper's deep "
            "latent Gaussian model",
            {"layers": 2, "latent": 150, "prior": "layered", "learn_prior": True},
        )
    },
    "draw": {"paper": Preset("64 glimpses with codes of 100 dimensions each, gradients cut to a norm of 10", DRAW)},
    "draw-vgp": {"paper": Preset("64 glimpses with codes of 100 dimensions each, gradients cut to a norm of 10", DRAW)},
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


def preset(model: str, name: str | None) -> dict[str, Any]:
    """The changes of a preset as flat option names; none without a name.

    Raises:
        GvaeError: the model has no such preset.
    """
    if name is None:
        return {}
    known = PRESETS.get(model, {})
    if not known:
        raise GvaeError(f"model '{model}' has no presets; models that have: {', '.join(sorted(PRESETS))}")
    return dict(known[choose(f"preset of {model} called", name, known)].changes)
