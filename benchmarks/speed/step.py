"""One training step of each model against a textbook implementation of it, and against other libraries' WGAN-GP.

    python -m benchmarks.speed.step                    # all, some 20 minutes; the same networks, batch, losses and optimiser
    python -m benchmarks.speed.step --models gan wgan-gp --others mimicry torchgan

Textbook: eager PyTorch in fp32 and contiguous tensors, forward passes of its own for every player (by_hand.py); gvae chooses
format and precision by itself. mimicry and torchgan (`pip install torch-mimicry torchgan torchvision`) train our networks by
their own WGAN-GP steps; where they are not installed the reason is printed. A second call on the same processor replaces
the models that it measures and leaves the others.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.rows import Row, about, keep, read
from benchmarks.script import parser, typed
from benchmarks.speed.by_hand import BY_HAND
from benchmarks.speed.libraries import LIBRARIES
from benchmarks.speed.rounds import START, Step, batches, trainer_round
from benchmarks.timing import compare
from gvae.data import open_data
from gvae.models import resolve

OPTIONS = {"gvae": {"start": START}, "gvae, first stage": {"start": 1.0}}
"""what a row's model has beyond its defaults"""
DATA = {"wgan-gp, mimicry": "cifar10"}
"""a row's data where it is not --data: mimicry's penalty is for three channels only"""


def main() -> None:
    """Measure, print and keep the rows of this processor."""
    options = parser(__doc__, dry=True)
    options.add_argument("--models", nargs="*", choices=list(BY_HAND), default=list(BY_HAND))
    options.add_argument("--others", nargs="*", choices=list(LIBRARIES), default=list(LIBRARIES))
    options.add_argument("--data", default="mnist")
    options.add_argument("--batch", type=int, default=64)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--times", type=int, default=8, help="training rounds in each round of measuring")
    o = options.parse_args()
    opponents = {name: (name.split(",")[0], BY_HAND[name]) for name in o.models}
    opponents |= {f"wgan-gp, {name}": ("wgan-gp", LIBRARIES[name]) for name in o.others}
    rows = {}
    for name, (model, theirs) in opponents.items():
        try:
            rows[name] = measure(model, theirs, OPTIONS.get(name, {}), str(DATA.get(name, o.data)), o)
            print(name, json.dumps(rows[name]), flush=True)
        except ImportError as error:
            print(f"{name}: skipped, {error}")
    row = about(typed("speed.step", data=o.data, batch=o.batch, rounds=o.rounds, times=o.times), note=o.note)
    if not o.dry:
        kept = read("step").get(row["processor"], {"rows": {}})["rows"]
        keep("step", row["processor"], row | {"rows": {**kept, **rows}})


def measure(model: str, theirs: Callable[..., Step], options: dict[str, Any], data: str, o: argparse.Namespace) -> Row:
    """One line of the table."""
    kind, dataset = resolve(model), open_data(data)
    config = kind.Config(**options)
    other = theirs(kind(dataset.spec, config).train(), batches(dataset, o.batch))
    with tempfile.TemporaryDirectory() as folder:
        ours, trainer = trainer_round(model, config, dataset, o.batch, Path(folder))
        a, b, ratio = compare(ours, other, o.rounds, o.times)
    return {
        "data": data,
        "trainer_seconds": round(a, 5),
        "by_hand_seconds": round(b, 5),
        **ratio,
        "precision": trainer.why,
    }


if __name__ == "__main__":
    main()
