"""The likelihood headline: importance-weighted bound of a small VAE with a learned prior on binarised MNIST.

    python benchmarks/likelihood.py                           # one hour of training on two cores, then the bound
    python benchmarks/likelihood.py --minutes 10 --name gpu   # on a GPU; --batch and --width to taste

The row of results/likelihood.json comes from the two commands in it; a second call continues.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from rows import gvae, keep, row, trained

from gvae import load


def main() -> None:
    """Train, measure, keep the row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--options", default="", help="further options of `gvae train vae --preset likelihood`"
    )
    parser.add_argument("--bound-images", type=int, default=2000, help="test images of the bound")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of the bound")
    parser.add_argument("--k", type=int, default=1000)
    parser.add_argument("--name", default="cpu", help="name of the row and of the run folder")
    parser.add_argument("--runs", type=Path, default=Path("runs/likelihood"))
    parser.add_argument("--note", default="")
    given = parser.parse_args()
    out = given.runs / given.name
    told = f"--preset likelihood --data mnist-dynamic --minutes {given.minutes:g} --seed {given.seed} {given.options}"
    command = trained(f"gvae train vae {told}", out)
    evaluated = f"gvae evaluate {out} --metrics elbo,iwae-{given.k},kl,active-units --bound-images {given.bound_images}"
    evaluated += f" --precision {given.precision}" if given.precision != "fp32" else ""
    gvae(evaluated)
    parameters = sum(parameter.numel() for parameter in load(out).model.parameters())
    more = {"parameters": parameters, "note": given.note}
    keep("likelihood", given.name, row(out, [command, evaluated]) | more)


if __name__ == "__main__":
    main()
