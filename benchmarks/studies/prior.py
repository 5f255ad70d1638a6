"""What a fit of the mixture prior is worth: samples of one trained run under priors fitted to its codes in different ways.

    gvae train gvae --data mnist --images 100000 --seed 0 --out runs/prior
    python -m benchmarks.studies.prior runs/prior            # ten minutes; validation split only

The first row decodes codes of training images themselves: what a perfect density would come near to, by copying. `nearest`
tells copies: the median distance of drawn codes to the nearest training code, in that of validation codes.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import gvae as package
from benchmarks.rows import about, keep
from benchmarks.script import parser, typed
from benchmarks.studies.codes import BLOCK, decoded, encoded
from gvae.data import open_data
from gvae.metrics.features import extract
from gvae.metrics.frechet import frechet
from gvae.metrics.ms_ssim import variety
from gvae.metrics.prdc import prdc
from gvae.models.latent import LatentModel
from gvae.priors import Mixture
from gvae.runs import Run

SAMPLES = 5000
VARIANTS: dict[str, tuple[int, dict[str, Any]]] = {
    "10,000 codes": (10_000, {}),
    "30,000 codes": (30_000, {}),
    "defaults": (60_000, {}),
    "one cluster": (60_000, {"cluster_size": 1200}),
    "components 100": (60_000, {"components": 100}),
    "components 400": (60_000, {"components": 400}),
    "components 800": (60_000, {"components": 800}),
    "components 1800": (60_000, {"components": 1800}),
    "denoise 0": (60_000, {"denoise": 0.0}),
    "denoise 1": (60_000, {"denoise": 1.0}),
    "denoise 4": (60_000, {"denoise": 4.0}),
    "shrink 0": (60_000, {"shrink": 0.0}),
    "shrink 20": (60_000, {"shrink": 20.0}),
    "shrink 180": (60_000, {"shrink": 180.0}),
}
"""name -> codes at most, and in what it differs from the mixture's defaults"""


def main() -> None:
    """Fit, sample and measure each variant with each seed."""
    options = parser(__doc__)
    options.add_argument("run", type=Path, help="a run of a model with an encoder, on data that have a classifier")
    options.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    o = options.parse_args()
    run = Run.open(o.run)
    model, dataset = package.load(run).model, open_data(run.data)
    if not isinstance(model, LatentModel) or model.condition:
        raise SystemExit(f"{o.run} is a {run.model} that is conditional or has no prior; take a plain gvae or vae")
    made = about(typed("studies.prior", o.run, seeds=o.seeds), note=o.note)
    made |= {"model": run.model, "data": run.data}
    torch.manual_seed(0)
    train, real = (dataset.batch(dataset.split(split)).x for split in ("train", "val"))
    codes, held = encoded(model, train), encoded(model, real)
    copied = codes[torch.randperm(len(codes))[:SAMPLES]]
    keep("prior", "codes of training images", {**made, **quality(model, real, copied, run.spec.name)})
    for name, (most, changes) in VARIANTS.items():
        fits = []
        for seed in o.seeds:
            some = codes[torch.randperm(len(codes))[:most]]
            prior, numbers = fitted(Mixture(model.latent_dim, **changes), some, seed, codes, held)
            fits.append(numbers | quality(model, real, prior.sample(SAMPLES).detach(), run.spec.name))
        mean = {key: statistics.mean(fit[key] for fit in fits) for key in fits[0]}
        keep("prior", name, {**made, **mean, "fits": fits})
        print(name, {key: round(value, 3) for key, value in mean.items()}, flush=True)


def fitted(prior: Mixture, some: Tensor, seed: int, codes: Tensor, held: Tensor) -> tuple[Mixture, dict[str, float]]:
    """A prior fitted to some of the codes (N, Z), and what it makes of those of validation images."""
    began = time.process_time()
    prior.fit(some, seed=seed)
    seconds = time.process_time() - began
    with torch.no_grad():
        return prior, {
            "processor seconds": seconds,
            "log p of validation codes": float(prior.log_prob(held).mean()),
            "nearest": apart(prior.sample(len(held)), codes) / apart(held, codes),
        }


def apart(z: Tensor, codes: Tensor) -> float:
    """Median distance of codes z to the nearest of others, in units of their deviation in each dimension."""
    scale = codes.std(0)
    return float(torch.cat([torch.cdist(p / scale, codes / scale).amin(1) for p in z.split(BLOCK)]).median())


@torch.no_grad()
def quality(model: LatentModel, real: Tensor, z: Tensor, data: str) -> dict[str, float]:
    """Frechet distance, coverage and MS-SSIM of the images that codes z (N, Z) become."""
    x = decoded(model, z)
    features, (drawn, _) = extract(real, data)[0], extract(x, data)
    alike = variety(real.numpy(), x.numpy())
    return {
        "fd": frechet(features, drawn)["fd"],
        "coverage": prdc(features, drawn)["coverage"],
        "ms-ssim": alike["ms_ssim"],
        "ms-ssim, real": alike["real"],
    }


if __name__ == "__main__":
    main()
