"""What a training reports: rows of log.jsonl and timing.jsonl, tracker events, and the line on the terminal."""

from __future__ import annotations

from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor

from gvae.runs import Run
from gvae.training.log_lines import JsonLines, Means, ProgressLine, peak_memory


class TrainingLog:
    """The first process writes, the others write nothing; both files can be cut back to a checkpoint.

    Args:
        run: where the files go.
        accelerator: knows which process this is, and the trackers.
    """

    def __init__(self, run: Run, accelerator: Accelerator) -> None:
        self.run, self.accelerator = run, accelerator
        self.progress = ProgressLine(quiet=not accelerator.is_main_process)
        self.terms, self.diagnostics = Means(), Means()
        self.lengths: dict[str, int] = {}
        self.files: dict[str, JsonLines] = {}

    def open(self) -> None:
        """Cut the files back to where the checkpoint left them, and start the trackers."""
        if self.accelerator.is_main_process:
            places = {"log": self.run.log, "timing": self.run.timing}
            self.files = {name: JsonLines(path, self.lengths.get(name, 0)) for name, path in places.items()}
        if self.run.train.tensorboard:
            self.accelerator.init_trackers("tensorboard")

    def add(self, terms: dict[str, Tensor], diagnostics: dict[str, Tensor | float]) -> None:
        """Take in what one step computed."""
        self.terms.add(terms)
        self.diagnostics.add(diagnostics)

    def take(self) -> tuple[dict[str, float], dict[str, float]]:
        """Mean terms and diagnostics since the last call."""
        return self.terms.take(), self.diagnostics.take()

    def write(self, row: dict[str, Any], elapsed: float, fraction: float, rate: float) -> None:
        """A row of each file, and the progress line.

        Args:
            row: what log.jsonl gets; "images", "terms" and "diagnostics" are shown as well.
            elapsed: seconds of training.
            fraction: share of the budget that is done.
            rate: images per second.
        """
        seen = row["images"]
        # a round may end beyond the minutes given, above all one that fits a prior
        fraction = min(fraction, 1.0)
        left = elapsed * (1 / max(fraction, 1e-9) - 1)
        self.progress.show(seen, fraction, rate, left, row["terms"])
        if self.files:
            self.files["log"].write(row)
            self.time(seen, elapsed, rate=round(rate, 1))
        if self.run.train.tensorboard:
            self.accelerator.log({**row["terms"], **row["diagnostics"]}, step=seen)

    def time(self, seen: int, elapsed: float, **more: float) -> None:
        """A row of timing.jsonl: images seen, seconds of training, the process's peak memory, and what else is known."""
        if self.files:
            peak = peak_memory(self.accelerator.device)
            self.files["timing"].write({"images": seen, "seconds": round(elapsed, 2), **more, "peak_mb": peak})

    def say(self, text: str) -> None:
        """A line that stays."""
        self.progress.say(text)

    def close(self) -> None:
        """Close the files and end the live line."""
        for file in self.files.values():
            file.close()
        self.progress.close()

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {
            "terms": self.terms.state_dict(),
            "diagnostics": self.diagnostics.state_dict(),
            "lengths": {name: file.length for name, file in self.files.items()},
        }

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """From the checkpoint."""
        self.terms.load_state_dict(state["terms"], device)
        self.diagnostics.load_state_dict(state["diagnostics"], device)
        self.lengths = state["lengths"]
