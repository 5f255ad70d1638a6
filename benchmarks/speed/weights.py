"""Speed of importance weighting against its physical limit: the decoder's bare forward pass over as many codes.

    python benchmarks/weights.py RUN --images 250 --k 40 --rounds 5

Both are timed by turns in one process; the row of results/weights.json holds the ratio of every round. 1 would mean that
drawing codes and evaluating three densities costs nothing.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rows import keep

import gvae
from gvae.data import open_data
from gvae.training import about


def seconds(action: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


@torch.no_grad()
def main() -> None:
    """Measure one run and keep its row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("run", type=Path)
    parser.add_argument("--images", type=int, default=250)
    parser.add_argument("--k", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    run = gvae.load(given.run)
    data = open_data(run.run.data)
    x = data.batch(data.split("test")[: given.images]).x
    model, z = run.model, torch.randn(len(x), run.model.codes)  # pyright: ignore

    def weigh() -> None:
        run.log_weights(x, given.k)

    def decode() -> None:
        for _ in range(given.k):
            model.generator(z)  # pyright: ignore

    weigh()  # warm
    decode()
    pairs = [(seconds(decode), seconds(weigh)) for _ in range(given.rounds)]
    ratios = [bare / whole for bare, whole in pairs]
    facts = about(data)
    row = {
        "command": f"python benchmarks/weights.py {given.run} --images {given.images} --k {given.k}",
        "model": run.run.model,
        "config": run.run.model_config,
        "codes_per_second": given.images * given.k / statistics.median(whole for _, whole in pairs),
        "decoder_codes_per_second": given.images * given.k / statistics.median(bare for bare, _ in pairs),
        "ratio_median": statistics.median(ratios),
        "ratios": ratios,
        "processor": facts["processor"],
        "versions": facts["versions"],
        "date": facts["date"],
    }
    keep("weights", given.run.name, row)
    print(f"ratio {row['ratio_median']:.3f}, {row['codes_per_second']:.0f} codes per second")


if __name__ == "__main__":
    main()
