"""Training steps as textbooks and tutorials write them: eager PyTorch, a forward pass for every player, fp32."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, kl_divergence
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from benchmarks.speed.rounds import Draw, Step
from gvae.losses.adversarial import relativistic_critic, relativistic_generator
from gvae.losses.penalties import gradient_penalty, squared_slope, zero_centred
from gvae.models.gvae import GVAE
from gvae.models.vae import VAE


def update(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
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


def vae(model: VAE, draw: Draw) -> Step:
    """A VAE's loop with contiguous tensors."""
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def step() -> None:
        x = draw()
        q = model.encode(x)
        p = model.decode(q.rsample())
        model.likelihood.observe(x, p.mean)
        update(optimizer, (kl_divergence(q, model.standard_normal()) - p.log_prob(x)).mean())

    return step


def channels_last_vae(model: VAE, draw: Draw) -> Step:
    """The same in channels-last format."""
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return vae(model, lambda: draw().contiguous(memory_format=torch.channels_last))


def gan(model, draw: Draw) -> Step:
    """DCGAN's loop with R1 every few rounds."""
    c, critic = model.config, lambda x: model.critic(x)[0]
    generator, other = adams(c.lr, (0.5, 0.99), [model.generator], [model.critic])
    count = 0

    def step() -> None:
        nonlocal count
        x = draw()
        update(other, judge(critic(x), True) + judge(critic(model.sample(len(x)).detach()), False))
        update(generator, judge(critic(model.sample(len(x))), True))
        if count % c.penalty_every == 0:
            update(other, 0.5 * c.penalty * c.penalty_every * zero_centred(critic, draw()).mean())
        count += 1

    return step


def wgan(model, draw: Draw) -> Step:
    """Weight clipping after every step of the critic."""
    c = model.config
    generator = torch.optim.RMSprop(model.generator.parameters(), c.lr)
    other = torch.optim.RMSprop(model.critic.parameters(), c.lr)

    def step() -> None:
        for _ in range(c.critic_steps):
            x = draw()
            fake = model.sample(len(x)).detach()
            update(other, model.critic(fake)[0].mean() - model.critic(x)[0].mean())
            for p in model.critic.parameters():
                p.data.clamp_(-c.clip_weights, c.clip_weights)
        x = draw()
        update(generator, -model.critic(model.sample(len(x)))[0].mean())

    return step


def wgan_gp(model, draw: Draw) -> Step:
    """Algorithm 1 of its paper."""
    c, critic = model.config, lambda x: model.critic(x)[0]
    generator, other = adams(c.lr, (0.5, 0.9), [model.generator], [model.critic])

    def step() -> None:
        for _ in range(c.critic_steps):
            x = draw()
            fake = model.sample(len(x)).detach()
            penalty = gradient_penalty(critic, x, fake).mean()
            update(other, critic(fake).mean() - critic(x).mean() + c.penalty * penalty)
        x = draw()
        update(generator, -critic(model.sample(len(x))).mean())

    return step


def vae_gan(model, draw: Draw) -> Step:
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
        update(encoder, kl_divergence(q, model.standard_normal()).mean() + like(x, x_rec))
        _, x_rec, x_gen = forward(x)
        g_adv = 0.5 * (judge(model.critic(x_rec)[0], True) + judge(model.critic(x_gen)[0], True))
        update(generator, c.gamma * like(x, x_rec) + g_adv)
        _, x_rec, x_gen = (v if i == 0 else v.detach() for i, v in enumerate(forward(x)))
        fakes = judge(model.critic(x_rec)[0], False) + judge(model.critic(x_gen)[0], False)
        update(other, judge(model.critic(x)[0], True) + 0.5 * fakes)

    return step


def alpha_gan(model, draw: Draw) -> Step:
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
        update(encoder, error(x, z)[1] + c.beta * judge(model.code_critic(z), True))
        z, z_r = model.encode(x).mean, torch.randn(len(x), c.latent)
        x_rec, l1 = error(x, z)
        update(generator, l1 + judge(critic(x_rec), True) + judge(critic(model.decode(z_r).mean), True))
        fakes = [model.decode(v).mean.detach() for v in (model.encode(x).mean, torch.randn(len(x), c.latent))]
        update(other, 2 * judge(critic(x), True) + sum(judge(critic(fake), False) for fake in fakes))
        z = model.encode(x).mean.detach()
        update(code, judge(model.code_critic(torch.randn_like(z)), True) + judge(model.code_critic(z), False))

    return step


def gvae(model: GVAE, draw: Draw) -> Step:
    """A critic step and a generator step, each with forward passes of its own."""
    c = model.config
    critic_optimizer = torch.optim.Adam(model.critic.parameters(), c.critic_lr)
    optimizer = torch.optim.Adam(model.generator.parameters(), c.generator_lr_adv)

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
        d_adv = relativistic_critic(scores, model.critic(fake)[0]).mean()
        update(critic_optimizer, d_adv + 0.5 * c.penalty * squared_slope(scores, real).mean())
        fake, p = fakes(x)
        real, fake = model.augment.alike(x, fake)
        model.likelihood.observe(x, p.mean)
        nats = -p.log_prob(x).mean()
        g_adv = relativistic_generator(model.critic(real)[0], model.critic(fake)[0]).mean()
        update(optimizer, nats + c.weight * model.spec.dim * g_adv)

    return step


BY_HAND: dict[str, Callable[..., Step]] = {
    "vae": vae,
    "vae, channels-last by hand": channels_last_vae,
    "gan": gan,
    "wgan": wgan,
    "wgan-gp": wgan_gp,
    "vae-gan": vae_gan,
    "alpha-gan": alpha_gan,
    "gvae": gvae,
    "gvae, first stage": vae,
}
"""name of a row -> the step of a model on batches that `draw` gives"""
