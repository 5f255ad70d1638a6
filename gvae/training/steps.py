"""The steps of a training: all players of a model in their turns. Knows no clock, no files and no algorithm.

Accelerate gives device, processes and trackers; progress is counted in images drawn from the data; schedules are
functions of the fraction of the budget that is done.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast, gather_object
from torch import Tensor

from gvae.data.dataset import Dataset
from gvae.errors import GvaeError
from gvae.models.base import Model, Turn
from gvae.runs import Run
from gvae.seeding import seeded
from gvae.training import checkpoint, gradients
from gvae.training.batches import Batches
from gvae.training.ema import Average
from gvae.training.log_lines import count
from gvae.training.logging import TrainingLog
from gvae.training.precision import choose_precision
from gvae.training.schedule import inverse_root, trapezoid

PATIENCE = 5
"""rounds in a row with a gradient that is not finite after which training stops"""
COUNTERS = ("seen", "rounds", "elapsed", "furthest", "skipped", "bad_in_a_row", "examined", "stage")
"""plain numbers that a checkpoint keeps"""


class Stepper:
    """Rounds of a training, and all that an exact continuation of them needs.

    Args:
        run: folder and configuration.
        dataset: its training split is what is seen.
        built: the model itself, if it is not built from the options.
    """

    def __init__(self, run: Run, dataset: Dataset, built: Model | None = None) -> None:
        config = run.train
        self.run, self.config, self.dataset = run, config, dataset
        tracker = {"log_with": "tensorboard", "project_dir": run.path} if config.tensorboard else {}
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available(), **tracker)
        self.device, self.main = self.accelerator.device, self.accelerator.is_main_process
        self.index, self.processes = self.accelerator.process_index, self.accelerator.num_processes
        precision, self.why = choose_precision(config.precision, self.device)
        self.bf16 = precision == "bf16"
        self.batches = Batches(dataset, config, self.device, self.index, self.processes)
        self.log = TrainingLog(run, self.accelerator)

        checkpoint.seed_everything(config.seed)
        self.built = built
        self.model = (checkpoint.build(run) if built is None else built).to(self.device)
        self.model.to(memory_format=memory_format(run.spec.spatial))  # pyright: ignore[reportCallIssue]
        self.model.train()
        if isinstance(known := getattr(self.model, "examples", None), Tensor):
            known.copy_(self.batches.examples(len(known)))
        self.players = self.model.players()
        self.turns = self.model.turns()
        self.optimizers = {name: self.optimizer(name) for name in self.players}
        self.average = Average({n: self.players[n] for n in self.model.averaged}, config.ema)

        self.seen, self.rounds, self.skipped, self.bad_in_a_row = 0, 0, 0, 0
        self.examined = 0
        """parts of the budget after which the doctor has looked"""
        self.elapsed, self.furthest = 0.0, 0.0
        self.started: set[int] = set()
        self.stage = 0
        """images seen when a turn last began, other than the first"""

    def fresh(self) -> Model:
        """A second model like the one that is trained, to load weights into; the noise of training stays."""
        if self.built is not None:
            return copy.deepcopy(self.model).eval()
        with seeded(None):
            return checkpoint.build(self.run).eval().to(self.device)

    def optimizer(self, player: str) -> torch.optim.Optimizer:
        """A player's optimiser."""
        o = self.model.optim(player)
        parameters = list(self.players[player].parameters())
        if o.kind == "rmsprop":
            return torch.optim.RMSprop(parameters, o.lr, o.betas[1], weight_decay=o.weight_decay)
        fused = self.device.type in ("cpu", "cuda")
        return torch.optim.Adam(parameters, o.lr, o.betas, weight_decay=o.weight_decay, fused=fused)

    @property
    def fraction(self) -> float:
        """Share of the budget that is done."""
        if self.config.minutes is not None:
            return self.elapsed / (60 * self.config.minutes)
        assert self.config.images is not None
        return self.seen / self.config.images

    def precision(self) -> torch.autocast:
        """What networks compute in while training."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def take(self, turn: Turn) -> None:
        """One step: gradients of all its players, then their updates; skipped if a gradient is not finite."""
        before = [b.clone() for b in self.model.buffers()]
        with self.precision():
            losses = turn.losses(self.batches.next())
        self.seen += self.config.batch
        grads = gradients.gradients(losses, self.players)
        gradients.average(grads, self.accelerator)
        sizes = gradients.norms(grads)
        named = {f"{gradients.label(w)}/{n}": t for w, terms in losses.terms.items() for n, t in terms.items()}
        if not all(size < float("inf") for size in sizes.values()):
            for buffer, old in zip(self.model.buffers(), before, strict=True):
                buffer.copy_(old)
            self.skip(named, sizes)
            return
        self.share_buffers()
        gradients.step(grads, self.players, self.optimizers, sizes, self.config.clip)
        norms = {f"norm/{name}": size for name, size in sizes.items()}
        self.log.add(named, {**losses.diagnostics, **norms})

    def skip(self, terms: dict[str, Tensor], sizes: dict[str, float]) -> None:
        """Count and name a step that is not finite.

        Raises:
            GvaeError: too many in a row.
        """
        self.skipped += 1
        bad = [n for n, t in terms.items() if not torch.isfinite(t)]
        what = bad or [f"gradient of {n}" for n, s in sizes.items() if not s < float("inf")]
        text = f"step skipped at {count(self.seen)} images: {', '.join(what)} is not finite"
        self.log.say(text)
        if self.bad_in_a_row >= PATIENCE - 1:
            raise GvaeError(
                f"{text}, {PATIENCE} rounds in a row. The last good checkpoint in {self.run.path} is intact; "
                "lower --lr, set --clip 1, or use --precision fp32"
            )

    def share_buffers(self) -> None:
        """Average running statistics over processes."""
        if self.processes > 1:
            for b in self.model.buffers():
                if b.is_floating_point():
                    mean = self.accelerator.reduce(b.clone(), "mean")
                    assert isinstance(mean, Tensor)
                    b.copy_(mean)

    def round(self) -> None:
        """Every turn that is due, then the average."""
        self.model.progress = self.furthest = max(self.furthest, self.fraction)
        factor = trapezoid(self.fraction, self.config.lr_warmup, self.config.lr_decay)
        for name, optimizer in self.optimizers.items():
            o = self.model.optim(name)
            fade = inverse_root(updates(optimizer), o.constant_updates) if o.constant_updates else 1.0
            optimizer.param_groups[0]["lr"] = o.lr * factor * fade
        before, skipped = self.seen, self.skipped
        for i, turn in enumerate(self.turns):
            if not turn.start <= self.furthest < turn.stop or self.rounds % turn.every:
                continue
            if turn.on_start is not None and i not in self.started:
                self.start_turn(i, turn)
            for _ in range(turn.repeat):
                self.take(turn)
        self.rounds += 1
        self.bad_in_a_row = self.bad_in_a_row + 1 if self.skipped > skipped else 0
        self.average.update(self.seen - before, self.seen - self.stage)

    def start_turn(self, i: int, turn: Turn) -> None:
        """A turn's first step: let it prepare from the averaged weights, the same on every process."""
        assert turn.on_start is not None
        self.average.install()
        self.model.eval()
        with self.precision():
            turn.on_start(self.batches.passes())
        self.model.train()
        for p in [*self.model.parameters(), *self.model.buffers()]:
            broadcast(p.data)
        self.started.add(i)
        self.stage = self.seen

    def state(self) -> dict[str, Any]:
        """Everything an exact continuation needs."""
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": {name: o.state_dict() for name, o in self.optimizers.items()},
            "random": gather_object([checkpoint.random_state()]),
            "position": self.batches.order.position,
            "started": sorted(self.started),
            "log": self.log.state_dict(),
            **{name: getattr(self, name) for name in COUNTERS},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`.

        Raises:
            GvaeError: another number of processes.
        """
        if len(state["random"]) != self.processes:
            raise GvaeError(
                f"{self.run.path} was trained by {len(state['random'])} processes and is resumed by "
                f"{self.processes}; start as many"
            )
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        checkpoint.restore_random_state(state["random"][self.index])
        self.batches.order.position = state["position"]
        self.started = set(state["started"])
        self.log.load_state_dict(state["log"], self.device)
        for name in COUNTERS:
            setattr(self, name, state.get(name, 0))  # older checkpoints lack some

    def sampling_weights(self) -> dict[str, Tensor]:
        """The model's weights with the averages in place of what they average."""
        weights = dict(self.model.state_dict())
        for player, average in self.average.state_dict().items():
            weights.update({f"{player}.{name}": value for name, value in average.items()})
        return weights


def updates(optimizer: torch.optim.Optimizer) -> int:
    """Updates that an optimiser has made."""
    return int(next((state["step"] for state in optimizer.state.values()), 0))


def memory_format(spatial: int) -> torch.memory_format:
    """Channels-last for convolutions over images; volumes keep the default, which oneDNN handles as well."""
    return torch.channels_last if spatial == 2 else torch.preserve_format
