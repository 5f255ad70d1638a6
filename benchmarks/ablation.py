"""Each component of gvae on and off at equal compute, measured on the validation split.

    python benchmarks/ablation.py                   # an hour and a half on one core; a second call continues
    python benchmarks/ablation.py --only "start 0" "prior normal" --seeds 0 1 2
    python benchmarks/tables.py                     # writes the table of docs/models/gvae.md

Every row of results/ablation.json is one training of three minutes and one `gvae evaluate --split val`; nothing here touches
the test split. On one slow core three minutes leave some 50 rounds beside the critic: give it both, or --minutes 8.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from rows import make, measured

METRICS = "fd,prdc,class-histogram,mmd,ms-ssim,mse,kl"
VARIANTS = {
    "defaults": "",
    "start 0": "--start 0",
    "start 0.5": "--start 0.5",
    "start 0.85": "--start 0.85",
    "no critic (start 1)": "--start 1",
    "prior normal": "--prior normal",
    "prior realnvp": "--prior realnvp",
    "features 1": "--features 1",
    "weight 0.3": "--weight 0.3",
    "weight 2": "--weight 2",
    "encoder moves on": "--no-freeze",
    "late lr 1e-3": "--late-lr 1e-3",
    "critic from random weights": "--critic-start random",
    "balance 0.5": "--balance 0.5",
    "wasserstein, gradient penalty": "--adversarial wasserstein --penalty 10",
    "non-saturating": "--adversarial nonsaturating",
    "no penalty": "--penalty 0",
    "R1 every round": "--penalty-every 1",
    "reconstructions 0": "--rec-share 0",
    "reconstructions 0.5": "--rec-share 0.5",
    "noise 1": "--noise 1",
    "code critic": "--code critic --no-freeze",
    "no averages": "--ema 0",
    "latent 32": "--latent 32",
    "latent 64": "--latent 64",
    "beta 0.25": "--beta 0.25",
    "beta 1": "--beta 1",
}
"""name of a row -> what differs from the defaults (start 0.7, mixture, features 0, weight 0.6, latent 48, beta 0.5)"""


def main() -> None:
    """Train and measure whatever has no row yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", nargs="*", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--seeds", type=int, nargs="*", default=[0])
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--runs", type=Path, default=Path("runs/ablation"))
    parser.add_argument("--note", default="", help="anything a reader of the rows must know")
    o = parser.parse_args()
    for seed in o.seeds:
        for variant in o.only:
            name = f"{o.data}, {variant}, {o.minutes:g}min, {seed}"
            out = o.runs / "".join(c if c.isalnum() or c == "." else "-" for c in name)
            make("ablation", name, partial(measure, variant, seed, out, o))


def measure(variant: str, seed: int, out: Path, o: argparse.Namespace) -> dict[str, Any]:
    """One training, one evaluation, one row."""
    options = f"--data {o.data} --minutes {o.minutes:g} --seed {seed} {VARIANTS[variant]}"
    found = measured(f"gvae train gvae {options}", out, f"{METRICS} --split val")
    return found | {"variant": variant, "note": o.note}


if __name__ == "__main__":
    main()
