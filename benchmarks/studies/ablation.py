"""Each component of gvae on and off at equal compute, measured on the validation split.

    python -m benchmarks.studies.ablation                   # three hours on one core; a second call continues
    python -m benchmarks.studies.ablation --only "start 0.5" "weight 2" --seeds 0 1 2

Every row of results/ablation.json is one training of six minutes and one `gvae evaluate --split val`; nothing here touches
the test split. What differs only once the prior is fitted shares its beginning with the base of the same seed: one
training is stopped there, and every variant continues from a copy, exactly as if it had not been stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import shutil
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.rows import Row, once
from benchmarks.runs import measured
from benchmarks.script import folder, parser
from gvae.commands.options import defaults
from gvae.commands.parsing import parse
from gvae.commands.train import Train
from gvae.config import ModelConfig, TrainConfig, to_json
from gvae.data import open_data
from gvae.runs import Run
from gvae.training.checkpoint import load_state
from gvae.training.provenance import about
from gvae.training.signals import Interrupted
from gvae.training.trainer import Trainer

METRICS = "fd,prdc,class-histogram,mmd,ms-ssim,mse,kl"
BASE = "--weight 0.6 --penalty-every 8 --critic-lr 5e-4 --augment none"
"""the defaults when this was begun, which every variant starts from; what was found made today's"""
TODAY = "--weight 1 --penalty-every 1 --critic-lr 2e-3 --augment shift"
LATE = {
    "base": "",
    "today's defaults": TODAY,
    "today's, no shift": f"{TODAY} --augment none",
    "today's, critic lr 1e-3": f"{TODAY} --critic-lr 1e-3",
    "today's, weight 0.5": f"{TODAY} --weight 0.5",
    "today's, weight 2": f"{TODAY} --weight 2",
    "no critic (start 1)": "--start 1",
    "start 0.85": "--start 0.85",
    "weight 0.3": "--weight 0.3",
    "weight 1": "--weight 1",
    "weight 2": "--weight 2",
    "balance 0.5": "--balance 0.5",
    "features 1": "--features 1",
    "generator lr 1e-3": "--generator-lr-adv 1e-3",
    "critic from random weights": "--critic-start random",
    "wasserstein, gradient penalty": "--adversarial wasserstein --penalty 10",
    "non-saturating": "--adversarial nonsaturating",
    "no penalty": "--penalty 0",
    "R1 every 3 rounds": "--penalty-every 3",
    "reconstructions 0": "--rec-share 0",
    "reconstructions 0.5": "--rec-share 0.5",
}
"""what differs from the base (start 0.7, features 0, penalty 1) only when the adversarial stage starts, or later"""
HALFWAY = {"start 0.5": "--start 0.5"}
"""what differs from the base after half of the budget"""
EARLY = {
    "start 0": "--start 0",
    "prior normal": "--prior normal",
    "prior realnvp": "--prior realnvp",
    "noise 1": "--noise 1",
    "encoder not frozen": "--no-freeze",
    "code critic": "--code critic --no-freeze",
    "no averages": "--ema 0",
    "latent 32": "--latent 32",
    "latent 64": "--latent 64",
    "beta 0.25": "--beta 0.25",
    "beta 1": "--beta 1",
    "laplace": "--likelihood laplace",
    "discretised logistic": "--likelihood discretised-logistic",
}
"""what differs from the start, in what is learned (latent 48, beta 0.5) or in what a checkpoint holds; trained whole"""
VARIANTS = {**LATE, **HALFWAY, **EARLY}
SHARED = (0.48, 0.68)
"""fractions of the budget at which the training of the base is stopped, for `HALFWAY` and for `LATE`"""


def main() -> None:
    """Train and measure whatever has no row yet."""
    options = parser(__doc__)
    options.add_argument("--only", nargs="*", choices=list(VARIANTS), default=list(VARIANTS))
    options.add_argument("--seeds", type=int, nargs="*", default=[0])
    options.add_argument("--data", default="mnist")
    options.add_argument("--minutes", type=float, default=6)
    options.add_argument("--runs", type=Path, default=Path("runs/ablation"))
    o = options.parse_args()
    for seed in o.seeds:
        for variant in o.only:
            name = f"{o.data}, {variant}, {o.minutes:g}min, {seed}"
            once("ablation", name, partial(measure, variant, seed, o.runs / folder(name), o))


def measure(variant: str, seed: int, out: Path, o: argparse.Namespace) -> Row:
    """One training, or its end, one evaluation, one row."""
    options = f"--data {o.data} --minutes {o.minutes:g} --seed {seed} {BASE} {VARIANTS[variant]}".strip()
    if variant not in EARLY and not (out / "run.json").exists():
        branch(beginning(seed, SHARED[variant in LATE], o), out, options)
    found = measured(f"gvae train gvae {options}", out, f"{METRICS} --split val", o.note)
    return found | {"variant": variant}


class Begun(Trainer):
    """A trainer that stops, as after Ctrl-C, when a share of the budget is spent."""

    share = 1.0

    def round(self) -> None:
        super().round()
        if self.fraction >= self.share:
            self.stop_signal = signal.SIGINT


def beginning(seed: int, share: float, o: argparse.Namespace) -> Path:
    """The run folder of the base, stopped when that share of the budget was spent."""
    budget = f"--data {o.data} --minutes {o.minutes:g} --seed {seed}"
    out = o.runs / folder(f"{o.data}, until {share:g}, {o.minutes:g}min, {seed}")
    if not out.exists():
        with unfinished(out) as place:
            dataset = open_data(o.data)
            earlier = [other for other in SHARED if other < share]
            if earlier:
                branch(beginning(seed, earlier[-1], o), place, budget)
                run = Run.open(place)
            else:
                config, train = options_of(budget)
                run = Run.create(place, "gvae", config, train, o.data, dataset.spec, about(dataset))
            trainer = Begun(run, dataset)
            trainer.share = share
            if earlier:
                trainer.restore(load_state(run))
            with contextlib.suppress(Interrupted):
                trainer.train()
    return out


@contextlib.contextmanager
def unfinished(out: Path) -> Iterator[Path]:
    """A folder that becomes `out` once it is whole; what a killed call has left of it is thrown away."""
    place = out.with_name(f"{out.name}-unfinished")
    shutil.rmtree(place, ignore_errors=True)
    yield place
    place.rename(out)


def branch(begun: Path, out: Path, options: str) -> None:
    """Copy a run that was stopped, with other options."""
    config, train = options_of(options)
    with unfinished(out) as place:
        shutil.copytree(begun, place)
        dataclasses.replace(Run.open(place), model_config=to_json(config), train=train).save()


def options_of(options: str) -> tuple[ModelConfig, TrainConfig]:
    """Options of model and training, as `gvae train gvae` understands them."""
    config, train = defaults("gvae", {})
    args = parse(Train(train=train, model=config), options.split(), "gvae train gvae")
    return args.model, args.train


if __name__ == "__main__":
    main()
