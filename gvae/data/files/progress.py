"""How far a long reading has come, on stderr: a bar on a terminal, elsewhere a line every half minute."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

EVERY = 30.0
"""seconds between two lines where there is no terminal"""


@contextmanager
def progress(what: str, total: int, start: int = 0) -> Iterator[Callable[[int], None]]:
    """A function that is told how many images are done.

    Args:
        what: what is done with them.
        total: how many there are.
        start: how many were done before.
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(what, total, start).show
        return
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console, transient=True) as bar:
        task = bar.add_task(what, total=total, completed=start)
        yield lambda done: bar.update(task, completed=done)


class Lines:
    """A line now and then; nothing for what is quickly done."""

    def __init__(self, what: str, total: int, start: int) -> None:
        self.what, self.total, self.start = what, total, start
        self.began = self.last = time.monotonic()

    def show(self, done: int) -> None:
        """Tell how many are done, and when the rest will be."""
        now = time.monotonic()
        if now - self.last < EVERY:
            return
        self.last = now
        left = (now - self.began) / max(1, done - self.start) * (self.total - done)
        text = f"{self.what}: {done:,} of {self.total:,} images, {timedelta(seconds=round(left))} left"
        print(text, file=sys.stderr, flush=True)
