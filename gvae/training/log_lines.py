"""log.jsonl, timing.jsonl and the line on the terminal."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import torch
from torch import Tensor

from gvae.errors import GvaeError


class Means:
    """Running means of named scalars between two log lines; they survive a checkpoint."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def add(self, values: Mapping[str, Tensor | float]) -> None:
        """Add one observation of each; nothing is copied from the device yet."""
        for name, value in values.items():
            value = value.detach().double() if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
            self.sums[name] = self.sums[name] + value if name in self.sums else value
            self.counts[name] = self.counts.get(name, 0) + 1

    def take(self) -> dict[str, float]:
        """The means, and start again."""
        out = {name: float(total) / self.counts[name] for name, total in self.sums.items()}
        self.sums, self.counts = {}, {}
        return out

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint."""
        return {"sums": {k: v.cpu() for k, v in self.sums.items()}, "counts": dict(self.counts)}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """From the checkpoint."""
        self.sums = {k: v.to(device) for k, v in state["sums"].items()}
        self.counts = dict(state["counts"])


class JsonLines:
    """A file of one JSON object per line that can be cut back to where a checkpoint left it."""

    def __init__(self, path: Path, length: int = 0) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = open(path, "ab")  # noqa: SIM115  closed by close()
        self.file.truncate(length)

    def write(self, row: dict[str, Any]) -> None:
        """Append a row.

        Raises:
            GvaeError: the disk is full; the checkpoint before it is intact.
        """
        try:
            self.file.write((json.dumps(row) + "\n").encode())
            self.file.flush()
        except OSError as error:
            raise GvaeError(
                f"could not write {self.file.name}: {error}. The last checkpoint is intact; free some space, then "
                f"`gvae resume {Path(self.file.name).parent}`"
            ) from error

    @property
    def length(self) -> int:
        """Bytes written so far."""
        return self.file.seek(0, 2)

    def close(self) -> None:
        """Close the file."""
        self.file.close()


def count(n: float) -> str:
    """A count for people.

    >>> count(999), count(60_000), count(3_000_000)
    ('999', '60.0k', '3.00M')
    """
    return f"{n / 1e6:.2f}M" if n >= 1e6 else f"{n / 1e3:.1f}k" if n >= 1e3 else f"{n:.0f}"


def clock(seconds: float) -> str:
    """A duration for people.

    >>> clock(75), clock(3725)
    ('1:15', '1:02:05')
    """
    hours, rest = divmod(int(seconds), 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"


def peak_memory(device: torch.device) -> float | None:
    """The most memory that this process has taken so far, in megabytes: of the GPU, or else of the machine.

    >>> 10 < peak_memory(torch.device("cpu")) < 1_000_000
    True
    """
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 1e6)
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6)


class ProgressLine:
    """One line that rewrites itself on a terminal, and a line now and then elsewhere.

    Args:
        out: stream; stderr by default.
        quiet: print nothing (all processes but the first).
    """

    def __init__(self, out: TextIO | None = None, quiet: bool = False) -> None:
        self.out = out or sys.stderr
        self.quiet = quiet
        self.live = self.out.isatty()
        self.last = 0.0

    def show(self, seen: int, fraction: float, rate: float, left: float, terms: dict[str, float]) -> None:
        """Show progress: images seen, share of the budget, images per second, time left and terms."""
        now = time.monotonic()
        if self.quiet or now - self.last < (0.2 if self.live else 15):
            return
        self.last = now
        short = [name.split("/")[-1] for name in terms]
        names = [s if short.count(s) == 1 else name for s, name in zip(short, terms, strict=True)]
        shown = "  ".join(f"{name} {value:.4g}" for name, value in zip(names, terms.values(), strict=True))
        text = f"{fraction:4.0%}  {count(seen)} images  {rate:.0f}/s  {clock(left)} left  {shown}"
        self.out.write(f"\r\x1b[2K{text[:150]}" if self.live else text + "\n")
        self.out.flush()

    def say(self, text: str) -> None:
        """A line that stays."""
        if not self.quiet:
            self.out.write(f"\r\x1b[2K{text}\n" if self.live else text + "\n")
            self.out.flush()

    def close(self) -> None:
        """End the live line."""
        if self.live and not self.quiet:
            self.out.write("\r\x1b[2K")
            self.out.flush()
