"""The trainer: rounds until the budget is spent; it can be stopped and resumed at any point.

Between rounds it writes logs, checkpoints and pictures; at the end it fits the prior. The rounds are in steps.py.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from accelerate.utils import broadcast
from torch import Tensor

from gvae.data.dataset import Dataset
from gvae.models.base import Model
from gvae.runs import Run
from gvae.training import checkpoint
from gvae.training.log_lines import clock, count
from gvae.training.monitors import doctor
from gvae.training.monitors.pictures import Pictures
from gvae.training.monitors.score import Scorer
from gvae.training.signals import Interrupted, requests
from gvae.training.steps import Stepper


class Trainer(Stepper):
    """One training, from a run folder's configuration to its weights.

    Args:
        run: folder and configuration.
        dataset: its training split is what is seen.
        built: the model itself, if it is not built from the options.
    """

    def __init__(self, run: Run, dataset: Dataset, built: Model | None = None) -> None:
        super().__init__(run, dataset, built)
        self.pictures = Pictures(run, dataset, self.fresh())
        self.scorer = Scorer(run, dataset, self.pictures.model)
        torch.manual_seed(run.train.seed + 1000 * self.index)  # processes differ in noise, not in weights
        self.stop_signal = 0

    def state(self) -> dict[str, Any]:
        """Everything an exact continuation needs."""
        return {**super().state(), "scorer": self.scorer.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`.

        Raises:
            GvaeError: another number of processes.
        """
        super().restore(state)
        self.scorer.load_state_dict(state.get("scorer", {}))  # older checkpoints have none

    def save(self) -> None:
        """Write state and weights; weights that are there already, with a prior fitted since, stay."""
        state = self.state()
        if self.main:
            checkpoint.save_state(self.run, state)
            weights = self.sampling_weights()
            if self.turns and not checkpoint.holds_fitted(self.run, weights):
                checkpoint.save_weights(self.run, weights)

    def train(self) -> None:
        """Take turns until the budget is spent, then fit the prior to the averaged encoder's codes.

        Raises:
            Interrupted: SIGINT or SIGTERM; a checkpoint was written first.
            GvaeError: training diverged, or the disk is full.
        """
        where = f"{self.device.type}, {self.processes} process{'es' * (self.processes > 1)}"
        self.log.say(f"training on {where}, {self.why}; run folder {self.run.path}")
        self.log.open()
        self.doctor = doctor.Doctor(self.pictures.batch.x)
        with requests(lambda number: setattr(self, "stop_signal", number)):
            self.loop()
        self.finish()

    def loop(self) -> None:
        """Rounds, with log lines, checkpoints and pictures between them."""
        clock_start, already, start_seen = time.monotonic(), self.elapsed, self.seen
        saved = drawn = clock_start
        while self.turns and self.fraction < 1:  # a model without turns learns all it knows in `fit_prior`
            self.round()
            now = time.monotonic()
            self.elapsed = already + now - clock_start
            rate = (self.seen - start_seen) / max(now - clock_start, 1e-9)
            if self.rounds % self.config.log_every == 0 or self.fraction >= 1:
                self.log.write(self.report(), self.elapsed, self.fraction, rate)
            if self.agreed(now - saved > self.config.save_every):
                self.save()
                saved = time.monotonic()
            if self.main and now - drawn > self.config.grid_every:
                self.pictures.draw(self.sampling_weights(), self.seen)
                drawn = time.monotonic()
            if stop := self.agreed(self.stop_signal):
                self.save()
                self.log.say(f"stopped at {count(self.seen)} images; continue with: gvae resume {self.run.path}")
                raise Interrupted(stop)

    def report(self) -> dict[str, Any]:
        """A row of log.jsonl; now and then with what the doctor found, who speaks up when that changes."""
        terms, diagnostics = self.log.take()
        row = {"images": self.seen, "round": self.rounds, "terms": terms, "diagnostics": diagnostics}
        row["skipped"] = self.skipped
        if self.scorer.due(self.seen, self.elapsed, self.config) and self.main:
            row |= self.scorer.judge(self.sampling_weights(), self.seen, self.elapsed)
        part = int(doctor.PARTS * self.fraction)
        if part > self.examined or self.rounds % (self.config.log_every * doctor.EVERY) == 0:
            self.examined = part
            known = [f.name for f in self.doctor.findings]
            vitals, findings = self.doctor.examine(self.model, terms, diagnostics)
            row["diagnostics"] = {**diagnostics, **vitals}
            row["doctor"] = [f.name for f in findings]
            if row["doctor"] != known:
                self.log.say(f"doctor: {'; '.join(map(str, findings)) or 'well again'}")
        return row

    def agreed(self, value: float) -> int:
        """The first process's decision, on every process."""
        if self.processes == 1:
            return int(value)
        return int(broadcast(torch.tensor(int(value), device=self.device)))  # pyright: ignore[reportArgumentType]

    def finish(self) -> None:
        """Last checkpoint, fitted prior, last pictures."""
        self.save()
        if self.main:
            began = time.monotonic()
            weights = self.sampling_weights()
            known = checkpoint.holds_fitted(self.run, weights)  # a finished training, resumed
            weights = checkpoint.read_weights(self.run) if known else self.fit_prior(weights)
            self.log.time(self.seen, self.elapsed, closing=round(time.monotonic() - began, 2))
            checkpoint.save_weights(self.run, weights)
            self.pictures.draw(weights, self.seen, final=True)
            self.finish_best(weights)
        self.log.close()
        skipped = f", {self.skipped} steps skipped" if self.skipped else ""
        self.log.say(f"done: {count(self.seen)} images in {clock(self.elapsed)}{skipped}")
        for line in [self.scorer.summary(), *(f"doctor: {finding}" for finding in self.doctor.findings)]:
            if line:
                self.log.say(line)
        self.accelerator.wait_for_everyone()  # a process that ends first takes the others down
        self.accelerator.end_training()

    def fit_prior(self, weights: dict[str, Tensor]) -> dict[str, Tensor]:
        """The same weights with the prior fitted to their encoder's codes; of a model that needs no fit, as they are."""
        shown = self.fresh()
        shown.load_state_dict(weights)
        fit = getattr(shown.eval(), "fit_prior", None)
        if fit is None or not getattr(shown, "refit_prior_at_end", True):
            return weights
        self.log.say("fitting the prior to the codes")
        with self.precision():
            fit(self.batches.passes(), seed=self.config.seed)
        for note in shown.prior.notes:  # pyright: ignore[reportAttributeAccessIssue, reportGeneralTypeIssues]
            self.log.say(f"note: {note}")
        return shown.state_dict()

    def finish_best(self, last: dict[str, Tensor]) -> None:
        """Fit the prior of the best weights as well, where they are not the last."""
        kept = self.scorer.kept
        if not kept.weights.exists():
            return
        same = self.scorer.best_seen == self.seen
        checkpoint.save_weights(kept, last if same else self.fit_prior(checkpoint.read_weights(kept)))
