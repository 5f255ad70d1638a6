"""A function of the bytes of many items, computed on all cores, its results in the order of the items.

Threads, not processes: Pillow lets other threads run while it decodes and scales, nothing has to be copied between
processes, and a database is opened once.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import BinaryIO, TypeVar

from gvae.data.arrays.items import Item

T = TypeVar("T")

AHEAD, TOGETHER = 32, 8
"""items per core whose results may wait to be taken, and how many of them a core is handed at a time"""


def in_order(function: Callable[[BinaryIO], T], items: Sequence[Item]) -> Iterator[tuple[T | None, str]]:
    """For each item the result of a function of its bytes, or why there is none; computed on all cores."""
    waiting: deque[Future[list[tuple[T | None, str]]]] = deque()
    pool = ThreadPoolExecutor(cores())
    try:
        for start in range(0, len(items), TOGETHER):
            waiting.append(pool.submit(_attempts, function, items[start : start + TOGETHER]))
            if len(waiting) * TOGETHER >= AHEAD * cores():
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _attempts(function: Callable[[BinaryIO], T], items: Sequence[Item]) -> list[tuple[T | None, str]]:
    """The function's results, or why there are none."""
    return [_attempt(function, item) for item in items]


def _attempt(function: Callable[[BinaryIO], T], item: Item) -> tuple[T | None, str]:
    """The function's result, or why there is none."""
    try:
        with item[1]() as stream:
            return function(stream), ""
    except Exception as error:  # Pillow raises errors of every kind on damaged files
        # a stream's address would differ from run to run
        return None, re.sub(r"<_io\.[^>]*>", "it", f"{type(error).__name__}, {error}")
