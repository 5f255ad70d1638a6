"""Choose the defaults on validation data: short trainings of a model with different options.

    python benchmarks/trials.py wgan-gp --minutes 4 --options "" "--lr 1e-3" "--lr 1e-3 --critic-steps 2"
    python benchmarks/trials.py gvae --images 100000 --options "" "--latent 32" "--beta 1"

Every row of results/trials.json is one training and one `gvae evaluate --split val`; nothing here touches the test split.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from rows import make, measured

METRICS = "fd,prdc,mmd,ms-ssim,class-histogram,mse"


def main() -> None:
    """Train and measure whatever has no row yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model")
    parser.add_argument("--options", nargs="+", required=True, help="one string of options for each training")
    parser.add_argument("--data", default="mnist")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=4)
    budget.add_argument(
        "--images", type=int, help="a budget that does not mind other programs on the machine"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=Path, default=Path("runs/trials"))
    parser.add_argument("--note", default="", help="anything a reader of the rows must know")
    given = parser.parse_args()
    for options in given.options:
        spent = f"{given.images}images" if given.images else f"{given.minutes:g}min"
        name = " ".join([given.data, given.model, options, spent, str(given.seed)])
        make(
            "trials",
            name,
            partial(measure, options, given.runs / name.replace(" ", "_").replace("--", ""), given),
        )


def measure(options: str, out: Path, given: argparse.Namespace) -> dict[str, Any]:
    """One training, one evaluation, one row."""
    budget = f"--images {given.images}" if given.images else f"--minutes {given.minutes:g}"
    told = f"--data {given.data} {budget} --seed {given.seed} {options}"
    found = measured(f"gvae train {given.model} {told}", out, f"{METRICS} --split val")
    return found | {"note": given.note}


if __name__ == "__main__":
    main()
