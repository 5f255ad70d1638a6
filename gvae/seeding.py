"""Random numbers on the side: drawn by a seed, while every global random state of torch stays as it was.

`torch.manual_seed` sets the generators of the CPU and of all GPUs, but `torch.random.fork_rng([])` gives back the CPU's
alone: together they would restart the noise of a training on a GPU. So nothing else in gvae forks random states.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Draw by a seed, and leave torch's global random states, the CPU's and those of all GPUs in use, as they were.

    Args:
        seed: of everything that torch draws inside; None: go on from the present states.

    >>> torch.manual_seed(1).initial_seed()
    1
    >>> with seeded(0):
    ...     torch.initial_seed()
    0
    >>> torch.initial_seed()
    1
    """
    with torch.random.fork_rng(devices()):
        if seed is not None:
            torch.manual_seed(seed)
        yield


def devices() -> list[int]:
    """Numbers of the GPUs whose generators have a state; none before CUDA is in use, which this does not start."""
    return list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
