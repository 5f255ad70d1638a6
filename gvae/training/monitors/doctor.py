"""Names what goes wrong while a model trains, from its own samples and from the terms it logs, and says what to try.

    diversity = mean squared distance of two samples / that of two images
    contrast  = mean standard deviation of the pixels within a sample / that within an image

An arithmetic of symptoms, not a proof: every threshold lies far from what healthy trainings show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from gvae.models.base import Model
from gvae.seeding import seeded
from gvae.training.monitors.advice import advice

PARTS = 10
"""parts of the budget after each of which samples are looked at"""
EVERY = 20
"""log lines between two looks where a part is longer than that"""
PATIENCE = 0.1
"""fraction of the budget before which nothing is named: every model begins gray and alike"""
SAMPLES = 64
"""samples of one look"""


@dataclass(frozen=True)
class Finding:
    """A trouble by its name, what was seen, and what to try."""

    name: str
    seen: str
    advice: str

    def __str__(self) -> str:
        return f"{self.name}: {self.seen}; try {self.advice}"


class Doctor:
    """Compares a model's samples with data, and its terms with what they should be.

    Args:
        x: images (B, C, *S) of the data, at least two.
    """

    def __init__(self, x: Tensor) -> None:
        self.diversity, self.contrast = diversity(x), contrast(x)
        self.findings: list[Finding] = []
        """of the latest look"""

    def examine(
        self, model: Model, terms: dict[str, float], diagnostics: dict[str, float]
    ) -> tuple[dict[str, float], list[Finding]]:
        """Look at a model; training's random state and mode stay as they are.

        Args:
            terms, diagnostics: means since the last log line.

        Returns:
            diversity and contrast relative to the data, and what is wrong; nothing before `PATIENCE`.
        """
        vitals = self.look(model)
        young = model.progress < PATIENCE
        self.findings = [] if young else diagnose({**terms, **diagnostics, **vitals}, model.config)
        return vitals, self.findings

    @torch.no_grad()
    def look(self, model: Model) -> dict[str, float]:
        """Diversity and contrast of some samples, relative to the data's."""
        training = model.training
        y = model.in_turn(SAMPLES)
        with seeded(0):
            x = model.eval().sample(SAMPLES, y).float()
        model.train(training)
        vitals = {"contrast": contrast(x) / max(self.contrast, 1e-12)}
        return vitals | ({"diversity": diversity(x) / self.diversity} if self.diversity > 0 else {})


def diagnose(values: dict[str, float], config: Any) -> list[Finding]:
    """Findings from logged values; a value that is not there gives none.

    Args:
        values: terms, diagnostics, and what `Doctor.look` saw.
        config: the model's, for what there is to try.

    >>> from gvae.config import GanConfig
    >>> [f.name for f in diagnose({"diversity": 0.01, "contrast": 0.9}, GanConfig())]
    ['mode collapse']
    >>> diagnose({"diversity": 0.95, "contrast": 1.0, "kl_nats": 70.0}, GanConfig())
    []
    """
    seen = {}
    varied, contrasted = values.get("diversity", 1.0), values.get("contrast", 1.0)
    if contrasted < 0.15:
        seen["low contrast"] = f"samples have {contrasted:.0%} of the data's contrast"
    elif varied < 0.1:
        seen["mode collapse"] = f"samples differ from each other {varied:.0%} as much as images do"
    if (kl := values.get("kl_nats")) is not None and kl < 0.5:
        seen["posterior collapse"] = f"a code carries {kl:.2g} nats about its image"
    penalties = {name: value for name, value in values.items() if name.endswith(("/penalty", "/r1", "/r2"))}
    if worst := [name for name, value in penalties.items() if value > 1e3]:
        seen["exploding penalty"] = f"{worst[0]} is {penalties[worst[0]]:.3g}"
    norms = {name: value for name, value in values.items() if name.startswith("norm/") and "critic" in name}
    if dead := [name for name, value in norms.items() if value < 1e-7]:
        seen["dead critic"] = f"the gradient of {dead[0].removeprefix('norm/')} has vanished"
    return [Finding(name, what, advice(name, config)) for name, what in seen.items()]


def diversity(x: Tensor) -> float:
    """Mean squared distance of two different images, per pixel value: twice the unbiased variance over images.

    >>> diversity(torch.tensor([[0.0], [2.0]]))
    4.0
    """
    return 2 * x.flatten(1).double().var(0).mean().item() if len(x) > 1 else 0.0


def contrast(x: Tensor) -> float:
    """Mean over images of the standard deviation of their pixel values.

    >>> contrast(torch.tensor([[0.0, 2.0], [1.0, 1.0]]))
    0.5
    """
    return x.flatten(1).double().std(1, correction=0).mean().item()
