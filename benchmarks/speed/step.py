"""One training step of each model against a textbook implementation of it, and against other libraries' WGAN-GP.

    python benchmarks/step.py                       # all; a step takes the same networks, batch, losses and optimiser
    python benchmarks/step.py --models gan wgan-gp --others mimicry torchgan
    python benchmarks/tables.py                     # writes the table of docs/results.md

Textbook: eager PyTorch in fp32 and contiguous tensors, forward passes of its own for every player, as tutorials have it;
the engine chooses format and precision by itself. Rounds of both alternate, and the median of their ratios is kept: a
shared machine drifts. mimicry and torchgan (`pip install torch-mimicry torchgan torchvision`) train our networks by their
own WGAN-GP steps; where they are not installed the reason is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import torch
from engine import LATE, Step, adam, batches, compare, engine_step, gvae_by_hand, vae_by_hand
from libraries import LIBRARIES
from torch import Tensor, nn
from torch.distributions import kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from gvae.data import open_data
from gvae.losses.penalties import gradient_penalty, zero_centred
from gvae.models import resolve
from gvae.training import processor

RESULTS = Path(__file__).parent / "results" / "step.json"
OPTIONS = {"gvae": {"start": LATE}, "gvae, first stage": {"start": 1.0}}
"""what a row's model has beyond its defaults"""
DATA = {"wgan-gp, mimicry": "cifar10"}
"""a row's data where it is not --data: mimicry's penalty is for three channels only"""
Draw = Callable[[], Tensor]


def move(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One update."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def adams(lr: float, betas: tuple[float, float], *groups: Iterable[nn.Module]) -> list[torch.optim.Adam]:
    """PyTorch's default Adam for each group of networks."""
    return [torch.optim.Adam([p for net in group for p in net.parameters()], lr, betas) for group in groups]


def judge(scores: Tensor, real: bool) -> Tensor:
    """Binary cross-entropy of scores against all real or all fake."""
    return cross_entropy(scores, torch.full_like(scores, float(real)))


def gan_by_hand(model, draw: Draw) -> Step:
    """DCGAN's loop with R1 every few rounds."""
    c, critic = model.config, lambda x: model.critic(x)[0]
    generator, other = adams(c.lr, (0.5, 0.99), [model.generator], [model.critic])
    count = 0

    def step() -> None:
        nonlocal count
        x = draw()
        move(other, judge(critic(x), True) + judge(critic(model.sample(len(x)).detach()), False))
        move(generator, judge(critic(model.sample(len(x))), True))
        if count % c.penalty_every == 0:
            move(other, 0.5 * c.penalty * c.penalty_every * zero_centred(critic, draw()).mean())
        count += 1

    return step


def wgan_by_hand(model, draw: Draw) -> Step:
    """Weight clipping after every step of the critic."""
    c = model.config
    generator = torch.optim.RMSprop(model.generator.parameters(), c.lr)
    other = torch.optim.RMSprop(model.critic.parameters(), c.lr)

    def step() -> None:
        for _ in range(c.critic_steps):
            x = draw()
            fake = model.sample(len(x)).detach()
            move(other, model.critic(fake)[0].mean() - model.critic(x)[0].mean())
            for p in model.critic.parameters():
                p.data.clamp_(-c.clip_weights, c.clip_weights)
        x = draw()
        move(generator, -model.critic(model.sample(len(x)))[0].mean())

    return step


def wgan_gp_by_hand(model, draw: Draw) -> Step:
    """Algorithm 1 of its paper."""
    c, critic = model.config, lambda x: model.critic(x)[0]
    generator, other = adams(c.lr, (0.5, 0.9), [model.generator], [model.critic])

    def step() -> None:
        for _ in range(c.critic_steps):
            x = draw()
            fake = model.sample(len(x)).detach()
            penalty = gradient_penalty(critic, x, fake).mean()
            move(other, critic(fake).mean() - critic(x).mean() + c.penalty * penalty)
        x = draw()
        move(generator, -critic(model.sample(len(x))).mean())

    return step


def vae_gan_by_hand(model, draw: Draw) -> Step:
    """A forward pass for each of encoder, generator and critic."""
    c = model.config
    groups = [[model.encoder], [model.generator], [model.critic]]
    encoder, generator, other = adams(c.lr, (0.5, 0.99), *groups)

    def forward(x: Tensor):
        q = model.encode(x)
        return q, model.decode(q.rsample()).mean, model.decode(torch.randn_like(q.mean)).mean

    def like(x: Tensor, x_rec: Tensor) -> Tensor:
        return 0.5 * (model.critic(x_rec)[1][-1] - model.critic(x)[1][-1]).square().sum(1).mean()

    def step() -> None:
        x = draw()
        q, x_rec, _ = forward(x)
        move(encoder, kl_divergence(q, model.standard_normal()).mean() + like(x, x_rec))
        _, x_rec, x_gen = forward(x)
        fool = 0.5 * (judge(model.critic(x_rec)[0], True) + judge(model.critic(x_gen)[0], True))
        move(generator, c.gamma * like(x, x_rec) + fool)
        _, x_rec, x_gen = (v if i == 0 else v.detach() for i, v in enumerate(forward(x)))
        fakes = judge(model.critic(x_rec)[0], False) + judge(model.critic(x_gen)[0], False)
        move(other, judge(model.critic(x)[0], True) + 0.5 * fakes)

    return step


def alpha_gan_by_hand(model, draw: Draw) -> Step:
    """A forward pass for each of encoder, generator, critic and code critic."""
    c, critic = model.config, lambda x: model.critic(x)[0]
    groups = [[model.encoder], [model.generator], [model.critic], [model.code_critic]]
    encoder, generator, other, code = adams(c.lr, (0.5, 0.9), *groups)

    def error(x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        x_rec = model.decode(z).mean
        return x_rec, c.l1 * (x - x_rec).abs().mean()

    def step() -> None:
        x = draw()
        z = model.encode(x).mean
        move(encoder, error(x, z)[1] + c.beta * judge(model.code_critic(z), True))
        z, z_r = model.encode(x).mean, torch.randn(len(x), c.latent)
        x_rec, l1 = error(x, z)
        move(generator, l1 + judge(critic(x_rec), True) + judge(critic(model.decode(z_r).mean), True))
        fakes = [model.decode(v).mean.detach() for v in (model.encode(x).mean, torch.randn(len(x), c.latent))]
        move(other, 2 * judge(critic(x), True) + sum(judge(critic(fake), False) for fake in fakes))
        z = model.encode(x).mean.detach()
        move(code, judge(model.code_critic(torch.randn_like(z)), True) + judge(model.code_critic(z), False))

    return step


def plain_vae_by_hand(model, draw: Draw) -> Step:
    """A VAE's loop with contiguous tensors."""
    optimizer = adam(model)

    def step() -> None:
        x = draw()
        q = model.encode(x)
        p = model.decode(q.rsample())
        model.likelihood.observe(x, p.mean)
        move(optimizer, (kl_divergence(q, model.standard_normal()) - p.log_prob(x)).mean())

    return step


BY_HAND: dict[str, Callable[..., Step]] = {
    "vae": plain_vae_by_hand,
    "vae, channels-last by hand": vae_by_hand,
    "gan": gan_by_hand,
    "wgan": wgan_by_hand,
    "wgan-gp": wgan_gp_by_hand,
    "vae-gan": vae_gan_by_hand,
    "alpha-gan": alpha_gan_by_hand,
    "gvae": gvae_by_hand,
    "gvae, first stage": plain_vae_by_hand,
}


def row(ours: Step, theirs: Step, o: argparse.Namespace, why: str) -> dict[str, object]:
    """One line of the table."""
    a, b, ratios = compare(ours, theirs, o.rounds, o.times)
    return {
        "engine_seconds": round(a, 5),
        "by_hand_seconds": round(b, 5),
        "ratio_median": round(statistics.median(ratios), 3),
        "ratio_min_max": [round(ratios[0], 3), round(ratios[-1], 3)],
        "precision": why,
    }


def main() -> None:
    """Measure, print and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--models", nargs="*", choices=list(BY_HAND), default=list(BY_HAND))
    parser.add_argument("--others", nargs="*", choices=list(LIBRARIES), default=list(LIBRARIES))
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--times", type=int, default=8, help="rounds of the game in each round of measuring")
    parser.add_argument("--note", default="", help="anything a reader of the rows must know")
    o = parser.parse_args()
    rows = {}
    opponents = {name: (name.split(",")[0], BY_HAND[name], OPTIONS.get(name, {})) for name in o.models}
    opponents |= {f"wgan-gp, {name}": ("wgan-gp", LIBRARIES[name], {}) for name in o.others}
    for name, (kind, by_hand, options) in opponents.items():
        config, data = resolve(kind).Config(**options), str(DATA.get(name, o.data))
        dataset = open_data(data)
        try:
            theirs = by_hand(resolve(kind)(config, dataset.spec).train(), batches(dataset, o.batch))
        except ImportError as error:
            print(f"{name}: skipped, {error}")
            continue
        with tempfile.TemporaryDirectory() as folder:
            ours, engine = engine_step(kind, config, dataset, o.batch, Path(folder))
            rows[name] = {"data": data, **row(ours, theirs, o, engine.why)}
        print(name, json.dumps(rows[name]), flush=True)
    command = (
        f"python benchmarks/step.py --data {o.data} --batch {o.batch} --rounds {o.rounds} --times {o.times}"
    )
    about = {
        "command": command,
        "note": o.note,
        "environment": " ".join(f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith("OMP_")),
        "processor": processor(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "date": datetime.now(UTC).date().isoformat(),
    }
    held = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    kept = held.get(about["processor"], {"rows": {}})["rows"]
    held[about["processor"]] = {**about, "rows": {**kept, **rows}}
    RESULTS.write_text(json.dumps(held, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
