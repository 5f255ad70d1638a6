"""The engine: takes turns until the budget is spent, and can be stopped and resumed at any point. Knows no algorithm.

Accelerate gives device, processes and trackers; progress is counted in images drawn from the data; schedules are
functions of the fraction of the budget that is done.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, gather_object
from torch import Tensor

from gvae.data.dataset import Dataset, Order
from gvae.errors import GvaeError
from gvae.models import resolve
from gvae.models.base import Model, Outcome, Turn
from gvae.runs import Run
from gvae.training import checkpoint, turns
from gvae.training.ema import Average
from gvae.training.log import JsonLines, Means, ProgressLine, clock, count
from gvae.training.pictures import Pictures
from gvae.training.precision import choose_precision

PATIENCE = 5
"""rounds in a row with a gradient that is not finite after which training stops"""


class Interrupted(Exception):
    """Training was stopped by a signal, after a checkpoint was written."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class Engine:
    """One training, from a run folder's configuration to its weights.

    Args:
        run: folder and configuration.
        dataset: its training split is what is seen.
    """

    def __init__(self, run: Run, dataset: Dataset) -> None:
        config = run.train
        self.run, self.config, self.dataset = run, config, dataset
        tracker = {"log_with": "tensorboard", "project_dir": run.path} if config.tensorboard else {}
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available(), **tracker)
        self.device = self.accelerator.device
        precision, self.why = choose_precision(config.precision, self.device)
        self.bf16 = precision == "bf16"
        self.train_indices = dataset.split("train")
        self.order = Order(len(self.train_indices), config.batch, config.seed)
        if config.batch % self.accelerator.num_processes:
            raise GvaeError(
                f"--batch {config.batch} does not divide over {self.accelerator.num_processes} processes"
            )

        checkpoint.seed_everything(config.seed)
        self.model = build(run).to(self.device)
        self.model.to(memory_format=memory_format(run.spec.spatial))  # pyright: ignore[reportCallIssue]
        self.model.train()
        self.players = self.model.players()
        self.turns = self.model.turns()
        self.optimizers = {name: self.adam(name) for name in self.players}
        self.base_lr = {name: self.model.optim(name).lr for name in self.players}
        self.average = Average({n: self.players[n] for n in self.model.averaged}, config.ema)
        torch.manual_seed(
            config.seed + 1000 * self.accelerator.process_index
        )  # processes differ in noise, not in weights

        self.seen, self.rounds, self.elapsed, self.furthest = 0, 0, 0.0, 0.0
        self.begun: set[int] = set()
        self.skipped, self.bad_in_a_row = 0, 0
        self.terms, self.diagnostics = Means(), Means()
        self.lengths = {"log": 0, "timing": 0}
        self.stop_signal = 0

    @property
    def main(self) -> bool:
        """Whether this process writes."""
        return self.accelerator.is_main_process

    def adam(self, player: str) -> torch.optim.Adam:
        """A player's optimiser."""
        o = self.model.optim(player)
        parameters = list(self.players[player].parameters())
        fused = self.device.type in ("cpu", "cuda")
        return torch.optim.Adam(parameters, o.lr, o.betas, weight_decay=o.weight_decay, fused=fused)

    @property
    def fraction(self) -> float:
        """Share of the budget that is done."""
        if self.config.minutes is not None:
            return self.elapsed / (60 * self.config.minutes)
        assert self.config.images is not None
        return self.seen / self.config.images

    def batch(self):
        """The next training batch; every process takes its own part of it."""
        indices = self.order.next()[self.accelerator.process_index :: self.accelerator.num_processes]
        batch = self.dataset.batch(self.train_indices[indices], self.device)
        if self.config.flip:
            mirrored = torch.rand(len(batch.x), *[1] * (batch.x.dim() - 1), device=self.device) < 0.5
            batch = batch._replace(x=torch.where(mirrored, batch.x.flip(-1), batch.x))
        return batch

    def batches(self) -> Iterator:
        """Five passes over the training data in an order of their own; every process sees all of it."""
        n = len(self.train_indices)
        order = Order(n, 500, self.config.seed + 1)
        for _ in range(-(-5 * n // 500)):
            yield self.dataset.batch(self.train_indices[order.next()], self.device)

    def losses(self, turn: Turn) -> Outcome:
        """A turn's losses on a fresh batch, in the chosen precision."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            return turn.losses(self.batch())

    def take(self, turn: Turn) -> None:
        """One move: gradients of all its players, then their updates; skipped if a gradient is not finite."""
        before = [b.clone() for b in self.model.buffers()]
        outcome = self.losses(turn)
        self.seen += self.config.batch
        grads = turns.gradients(outcome, self.players)
        turns.average(grads, self.accelerator)
        sizes = turns.norms(grads)
        named = {f"{turns.label(w)}/{n}": t for w, terms in outcome.losses.items() for n, t in terms.items()}
        if not all(size < float("inf") for size in sizes.values()):
            for buffer, old in zip(self.model.buffers(), before, strict=True):
                buffer.copy_(old)
            self.skip(named, sizes)
            return
        self.share_buffers()
        turns.step(grads, self.players, self.optimizers, sizes, self.config.clip)
        self.terms.add(named)
        self.diagnostics.add(
            {**outcome.diagnostics, **{f"norm/{name}": size for name, size in sizes.items()}}
        )

    def skip(self, terms: dict[str, Tensor], sizes: dict[str, float]) -> None:
        """Count and name a step that is not finite.

        Raises:
            GvaeError: too many in a row.
        """
        self.skipped += 1
        bad = [n for n, t in terms.items() if not torch.isfinite(t)]
        what = bad or [f"gradient of {n}" for n, s in sizes.items() if not s < float("inf")]
        text = f"step skipped at {count(self.seen)} images: {', '.join(what)} is not finite"
        self.progress.say(text)
        if self.bad_in_a_row >= PATIENCE - 1:
            raise GvaeError(
                f"{text}, {PATIENCE} rounds in a row. The last good checkpoint in {self.run.path} is intact; "
                "lower --lr, set --clip 1, or use --precision fp32"
            )

    def share_buffers(self) -> None:
        """Average running statistics over processes."""
        if self.accelerator.num_processes > 1:
            for b in self.model.buffers():
                if b.is_floating_point():
                    mean = self.accelerator.reduce(b.clone(), "mean")
                    assert isinstance(mean, Tensor)
                    b.copy_(mean)

    def round(self) -> None:
        """Every turn that is due, then the average."""
        self.model.progress = self.furthest = max(self.furthest, self.fraction)
        factor = trapezoid(self.fraction, self.config.rise, self.config.decay)
        for name, optimizer in self.optimizers.items():
            optimizer.param_groups[0]["lr"] = self.base_lr[name] * factor
        before, skipped = self.seen, self.skipped
        for i, turn in enumerate(self.turns):
            if not turn.start <= self.furthest < turn.stop or self.rounds % turn.every:
                continue
            if turn.begin is not None and i not in self.begun:
                self.begin(i, turn)
            for _ in range(turn.repeat):
                self.take(turn)
        self.rounds += 1
        self.bad_in_a_row = self.bad_in_a_row + 1 if self.skipped > skipped else 0
        self.average.update(self.seen - before, self.seen)

    def begin(self, i: int, turn: Turn) -> None:
        """A turn's first move: let it prepare, the same on every process."""
        assert turn.begin is not None
        self.model.eval()
        turn.begin(self.batches())
        self.model.train()
        for p in [*self.model.parameters(), *self.model.buffers()]:
            broadcast(p.data)
        self.begun.add(i)

    def state(self) -> dict[str, Any]:
        """Everything an exact continuation needs."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": {name: o.state_dict() for name, o in self.optimizers.items()},
            "random": gather_object([checkpoint.random_state()]),
            "position": self.order.position,
            "seen": self.seen,
            "rounds": self.rounds,
            "elapsed": self.elapsed,
            "furthest": self.furthest,
            "begun": sorted(self.begun),
            "skipped": self.skipped,
            "bad_in_a_row": self.bad_in_a_row,
            "terms": self.terms.state_dict(),
            "diagnostics": self.diagnostics.state_dict(),
            "lengths": {"log": self.log.length, "timing": self.timing.length}
            if self.log and self.timing
            else {},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`.

        Raises:
            GvaeError: another number of processes.
        """
        if len(state["random"]) != self.accelerator.num_processes:
            raise GvaeError(
                f"{self.run.path} was trained by {len(state['random'])} processes and is resumed by "
                f"{self.accelerator.num_processes}; start as many"
            )
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        checkpoint.restore_random_state(state["random"][self.accelerator.process_index])
        self.order.position = state["position"]
        for name in ("seen", "rounds", "elapsed", "furthest", "skipped", "bad_in_a_row", "lengths"):
            setattr(self, name, state[name])
        self.begun = set(state["begun"])
        self.terms.load_state_dict(state["terms"], self.device)
        self.diagnostics.load_state_dict(state["diagnostics"], self.device)

    def save(self) -> None:
        """Write state and weights."""
        state = self.state()
        if self.main:
            checkpoint.save_state(self.run, state)
            checkpoint.save_weights(self.run, self.sampling_weights())

    def sampling_weights(self) -> dict[str, Tensor]:
        """The model's weights with the averages in place of what they average."""
        weights = dict(self.model.state_dict())
        for player, average in self.average.state_dict().items():
            weights.update({f"{player}.{name}": value for name, value in average.items()})
        return weights

    def train(self) -> None:
        """Take turns until the budget is spent, then fit the prior to the averaged encoder's codes.

        Raises:
            Interrupted: SIGINT or SIGTERM; a checkpoint was written first.
            GvaeError: training diverged, or the disk is full.
        """
        self.progress = ProgressLine(quiet=not self.main)
        processes = self.accelerator.num_processes
        where = f"{self.device.type}, {processes} process{'es' * (processes > 1)}"
        self.progress.say(f"training on {where}, {self.why}; run folder {self.run.path}")
        self.log = JsonLines(self.run.log, self.lengths.get("log", 0)) if self.main else None
        self.timing = JsonLines(self.run.timing, self.lengths.get("timing", 0)) if self.main else None
        if self.config.tensorboard:
            self.accelerator.init_trackers("tensorboard")
        self.pictures = Pictures(self.run, self.dataset)
        with self.signals():
            self.loop()
        self.finish()

    def loop(self) -> None:
        """Rounds, with log lines, checkpoints and pictures between them."""
        clock_start, already, start_seen = time.monotonic(), self.elapsed, self.seen
        saved = drawn = clock_start
        while self.fraction < 1:
            self.round()
            now = time.monotonic()
            self.elapsed = already + now - clock_start
            rate = (self.seen - start_seen) / max(now - clock_start, 1e-9)
            if self.rounds % self.config.log_every == 0:
                self.write_log(rate)
            if self.agreed(now - saved > self.config.save_every):
                self.save()
                saved = time.monotonic()
            if self.main and now - drawn > self.config.grid_every:
                self.pictures.draw(self.sampling_weights(), self.seen)
                drawn = time.monotonic()
            if stop := self.agreed(self.stop_signal):
                self.save()
                self.progress.say(
                    f"stopped at {count(self.seen)} images; continue with: gvae resume {self.run.path}"
                )
                raise Interrupted(stop)

    def agreed(self, value: float) -> int:
        """The first process's decision, on every process."""
        if self.accelerator.num_processes == 1:
            return int(value)
        return int(broadcast(torch.tensor(int(value), device=self.device)))  # pyright: ignore[reportArgumentType]

    def write_log(self, rate: float) -> None:
        """A row of log.jsonl and of timing.jsonl, and the progress line."""
        terms, diagnostics = self.terms.take(), self.diagnostics.take()
        left = self.elapsed * (1 / max(self.fraction, 1e-9) - 1)
        self.progress.show(self.seen, self.fraction, rate, left, terms)
        if self.log and self.timing:
            row = {"images": self.seen, "round": self.rounds, "terms": terms, "diagnostics": diagnostics}
            self.log.write({**row, "skipped": self.skipped})
            self.timing.write(
                {"images": self.seen, "seconds": round(self.elapsed, 2), "rate": round(rate, 1)}
            )
        if self.config.tensorboard:
            self.accelerator.log({**terms, **diagnostics}, step=self.seen)

    def finish(self) -> None:
        """Last checkpoint, fitted prior, last pictures."""
        self.save()
        if self.main:
            weights = self.sampling_weights()
            shown = build(self.run).to(self.device)
            shown.load_state_dict(weights)
            if fit := getattr(shown.eval(), "fit_prior", None):
                self.progress.say("fitting the prior to the codes")
                fit(self.batches(), seed=self.config.seed)
                for note in shown.prior.notes:  # pyright: ignore[reportAttributeAccessIssue, reportGeneralTypeIssues]
                    self.progress.say(f"note: {note}")
                weights = shown.state_dict()
            checkpoint.save_weights(self.run, weights)
            self.pictures.draw(weights, self.seen, final=True)
            assert self.log
            assert self.timing
            self.log.close()
            self.timing.close()
        self.progress.close()
        skipped = f", {self.skipped} steps skipped" if self.skipped else ""
        self.progress.say(f"done: {count(self.seen)} images in {clock(self.elapsed)}{skipped}")
        self.accelerator.end_training()

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Turn SIGINT and SIGTERM into a request to save and stop."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def request(number: int, frame: object) -> None:
            self.stop_signal = number

        old = {number: signal.signal(number, request) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)


def trapezoid(fraction: float, rise: float, decay: float) -> float:
    """Factor of the step size: rises from near 0, stays at 1, falls to 0.

    >>> [trapezoid(f, 0.1, 0.5) for f in (0.05, 0.3, 0.75, 1.0)]
    [0.5, 1.0, 0.5, 0.0]
    """
    up = max(fraction, 0.01 * rise) / rise if rise else 1.0
    down = (1 - fraction) / decay if decay else 1.0
    return max(min(1.0, up, down), 0.0)


def memory_format(spatial: int) -> torch.memory_format:
    """Channels-last for convolutions over images; volumes keep the default, which oneDNN handles as well."""
    return torch.channels_last if spatial == 2 else torch.preserve_format


def build(run: Run) -> Model:
    """The model a run describes, untrained."""
    from gvae.config import from_json

    kind = resolve(run.model)
    return kind(from_json(kind.Config, run.model_config), run.spec)


__all__ = ["Engine", "Interrupted", "Path", "build"]
