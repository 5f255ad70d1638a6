"""The highest likelihood: importance-weighted bound of a small VAE with a learned prior on binarised MNIST.

    python -m benchmarks.papers.likelihood                           # one hour of training on two cores, then the bound
    python -m benchmarks.papers.likelihood --minutes 10 --name gpu   # on a GPU; --options "--batch 256" to taste

The row of results/likelihood.json comes from the two commands in it; a second call continues.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.rows import keep
from benchmarks.runs import gvae, row, trained
from benchmarks.script import parser
from gvae import load


def main() -> None:
    """Train, measure, keep the row."""
    options = parser(__doc__)
    options.add_argument("--minutes", type=float, default=60)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--options", default="", help="more options of `gvae train vae --preset likelihood`")
    options.add_argument("--bound-images", type=int, default=2000, help="test images of the bound")
    options.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="of the bound")
    options.add_argument("--k", type=int, default=1000)
    options.add_argument("--name", default="cpu", help="name of the row and of the run folder")
    options.add_argument("--runs", type=Path, default=Path("runs/likelihood"))
    o = options.parse_args()
    out = o.runs / o.name
    budget = f"--minutes {o.minutes:g} --seed {o.seed} {o.options}"
    command = trained(f"gvae train vae --preset likelihood --data mnist-dynamic {budget}", out)
    evaluated = f"gvae evaluate {out} --metrics elbo,iwae-{o.k},kl,active-units --bound-images {o.bound_images}"
    evaluated += f" --precision {o.precision}" if o.precision != "fp32" else ""
    gvae(evaluated)
    parameters = sum(parameter.numel() for parameter in load(out).model.parameters())
    keep("likelihood", o.name, row(out, [command, evaluated], o.note) | {"parameters": parameters})


if __name__ == "__main__":
    main()
