"""Images per second of the engine against a loop written by hand, side by side in one process.

    python benchmarks/engine.py

vae:   the engine's turns against a minimal PyTorch loop of the same networks, batch, precision and memory format.
gvae:  the second stage (generator and critic) against the textbook loop: separate forward passes for each of the two,
       fp32, contiguous tensors, the same losses, penalty, shifts and fake images.
peak:  what the same machine reaches on one large convolution, forward and backward, in the same minute; and the share
       of it that the engine's training step reaches by counting its convolutions and matrix products.

Rounds of both loops alternate, and the median of the ratios is reported, because a shared machine drifts.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import torch
from torch import Tensor
from torch.distributions import Distribution, kl_divergence
from torch.utils.flop_counter import FlopCounterMode

from gvae.config import TrainConfig
from gvae.data import open_data
from gvae.data.dataset import Dataset
from gvae.losses.adversarial import relativistic_critic, relativistic_generator
from gvae.losses.penalties import squared_slope
from gvae.models.base import Model
from gvae.models.gvae import GVAE
from gvae.models.vae import VAE
from gvae.runs import Run
from gvae.training import processor
from gvae.training.engine import Engine
from gvae.training.log import ProgressLine

RESULTS = Path(__file__).parent / "results" / "engine.json"
LATE = 1e-9
"""`start` of a gvae whose first round, a warm-up, is the whole first stage"""
Step = Callable[[], object]


def engine_step(name: str, config, dataset: Dataset, batch: int, folder: Path) -> tuple[Step, Engine]:
    """One round of the engine, everything included but files."""
    options = TrainConfig(images=10**9, batch=batch)
    engine = Engine(
        Run.create(folder / name, name, config, options, dataset.spec.name, dataset.spec, {}), dataset
    )
    engine.journal.progress = ProgressLine(quiet=True)
    return engine.round, engine


def batches(dataset: Dataset, batch: int) -> Callable[[], Tensor]:
    """A minimal loop's data: float images in memory, shuffled indices."""
    x = dataset.batch(dataset.split("train")[:20_000]).x.contiguous()
    return lambda: x[torch.randint(len(x), (batch,))]


def adam(module: torch.nn.Module, lr: float = 1e-3) -> torch.optim.Adam:
    """PyTorch's default implementation."""
    return torch.optim.Adam(module.parameters(), lr)


def vae_by_hand(model: VAE, draw: Callable[[], Tensor]) -> Step:
    """A minimal VAE loop: the same networks and channels-last format."""
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    optimizer = adam(model)

    def step() -> None:
        x = draw().contiguous(memory_format=torch.channels_last)
        q = model.encode(x)
        p = model.decode(q.rsample())
        model.likelihood.observe(x, p.mean)
        loss = (kl_divergence(q, model.standard_normal()) - p.log_prob(x)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def gvae_by_hand(model: GVAE, draw: Callable[[], Tensor]) -> Step:
    """The textbook: a critic step and a generator step, each with forward passes of its own, contiguous tensors."""
    c = model.config
    critic_optimizer = adam(model.critic, c.critic_lr)
    optimizer = adam(model.generator, c.late_lr)

    def fakes(x: Tensor) -> tuple[Tensor, Distribution]:
        with torch.no_grad():
            z = model.encode(x).sample()
        p = model.decode(z)
        n = round(c.rec_share * len(x))
        x_gen = model.decode(model.prior.sample(len(x) - n)).mean
        return torch.cat([p.mean[:n], x_gen]), p

    def step() -> None:
        x = draw()
        with torch.no_grad():
            real, fake = model.augment.alike(x, fakes(x)[0])
        scores = model.critic(real.requires_grad_())[0]
        loss = relativistic_critic(scores, model.critic(fake)[0]).mean()
        loss = loss + 0.5 * c.penalty * squared_slope(scores, real).mean()
        critic_optimizer.zero_grad()
        loss.backward()
        critic_optimizer.step()
        fake, p = fakes(x)
        real, fake = model.augment.alike(x, fake)
        model.likelihood.observe(x, p.mean)
        nats = -p.log_prob(x).mean()
        fool = relativistic_generator(model.critic(real)[0], model.critic(fake)[0]).mean()
        optimizer.zero_grad()
        (nats + c.weight * model.spec.dim * fool).backward()
        optimizer.step()

    return step


def seconds(step: Step, times: int) -> float:
    """Mean duration of a step."""
    start = time.perf_counter()
    for _ in range(times):
        step()
    return (time.perf_counter() - start) / times


def compare(ours: Step, theirs: Step, rounds: int, times: int) -> tuple[float, float, list[float]]:
    """Median seconds of both, and the ratios theirs / ours of alternating rounds."""
    for step in (ours, theirs):
        seconds(step, 2)
    pairs = [(seconds(ours, times), seconds(theirs, times)) for _ in range(rounds)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        sorted(b / a for a, b in pairs),
    )


def peak() -> float:
    """FLOP/s of a 128-channel 3x3 convolution, forward and backward, channels-last fp32."""
    layer = torch.nn.Conv2d(128, 128, 3, padding=1).to(memory_format=torch.channels_last)  # pyright: ignore
    x = torch.randn(128, 128, 14, 14).contiguous(memory_format=torch.channels_last).requires_grad_()
    flops = 3 * 2 * 128 * 14 * 14 * 128 * 128 * 9
    step = lambda: layer(x).sum().backward()  # noqa: E731
    seconds(step, 2)
    return flops / min(seconds(step, 5) for _ in range(5))


def flops(model: Model, x: Tensor) -> float:
    """Multiply-adds x 2 of one round on a batch, counted by torch."""
    from gvae.training import turns
    from gvae.types import Batch

    with FlopCounterMode(display=False) as counter:
        turns.gradients(model.turns()[-1].losses(Batch(x)), model.players())
    return float(counter.get_total_flops())


def main() -> None:
    """Measure, print and write the row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--times", type=int, default=8, help="steps per round")
    o = parser.parse_args()
    dataset, rows = open_data(o.data), {}
    draw = batches(dataset, o.batch)
    with tempfile.TemporaryDirectory() as folder:
        vae, gvae = VAE.Config(), GVAE.Config(start=LATE)
        by_hand = {
            "vae": vae_by_hand(VAE(vae, dataset.spec).train(), draw),
            "gvae": gvae_by_hand(GVAE(gvae, dataset.spec).train(), draw),
        }
        for name, config in (("vae", vae), ("gvae", gvae)):
            ours, engine = engine_step(name, config, dataset, o.batch, Path(folder))
            a, b, ratios = compare(ours, by_hand[name], o.rounds, o.times)
            work = flops(engine.model, draw())
            rows[name] = {
                "engine_images_per_second": round(o.batch / a, 1),
                "by_hand_images_per_second": round(o.batch / b, 1),
                "ratio_median": round(statistics.median(ratios), 3),
                "ratio_min_max": [round(ratios[0], 3), round(ratios[-1], 3)],
                "flops_per_image": round(work / o.batch),
                "fraction_of_convolution_peak": round(work / a / peak(), 3),
                "precision": engine.why,
            }
    row = {
        "command": f"python benchmarks/engine.py --data {o.data} --batch {o.batch} --rounds {o.rounds} --times {o.times}",
        **rows,
        "convolution_peak_gflops": round(peak() / 1e9),
        "environment": " ".join(f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith("OMP_")),
        "processor": processor(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "date": datetime.now(UTC).date().isoformat(),
    }
    RESULTS.write_text(json.dumps(row, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(row, indent=2))


if __name__ == "__main__":
    main()
