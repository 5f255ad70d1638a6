"""Choose the defaults on validation data: short trainings of a model with different options.

    python -m benchmarks.studies.trials wgan-gp --minutes 4 --options "" "--lr 1e-3" "--lr 1e-3 --critic-steps 2"
    python -m benchmarks.studies.trials gvae --images 100000 --options "" "--latent 32" "--beta 1"

Every row of results/trials.json is one training and one `gvae evaluate --split val`; nothing here touches the test split.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

from benchmarks.rows import Row, once
from benchmarks.runs import measured
from benchmarks.script import parser

METRICS = "fd,prdc,mmd,ms-ssim,class-histogram,mse"


def main() -> None:
    """Train and measure whatever has no row yet."""
    options = parser(__doc__)
    options.add_argument("model")
    options.add_argument("--options", nargs="+", required=True, help="one string of options for each training")
    options.add_argument("--data", default="mnist")
    budget = options.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=4)
    budget.add_argument("--images", type=int, help="a budget that does not mind other programs on the machine")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--runs", type=Path, default=Path("runs/trials"))
    o = options.parse_args()
    for words in o.options:
        spent = f"{o.images}images" if o.images else f"{o.minutes:g}min"
        name = " ".join([o.data, o.model, words, spent, str(o.seed)])
        once("trials", name, partial(measure, words, o.runs / name.replace(" ", "_").replace("--", ""), o))


def measure(words: str, out: Path, o: argparse.Namespace) -> Row:
    """One training, one evaluation, one row."""
    budget = f"--images {o.images}" if o.images else f"--minutes {o.minutes:g}"
    command = f"gvae train {o.model} --data {o.data} {budget} --seed {o.seed} {words}"
    return measured(command, out, f"{METRICS} --split val", o.note)


if __name__ == "__main__":
    main()
