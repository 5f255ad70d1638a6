"""One measured number with its protocol, and the metrics.json that keeps them."""

from __future__ import annotations

import dataclasses
import json
import math
import shlex
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from gvae.atomic import write_text
from gvae.errors import GvaeError
from gvae.runs import Run

Better = Literal["lower", "higher", "target", ""]
"""which way is good; "target": as close to the real data's own value as possible; "": neither"""
FORMAT = 1
"""version of metrics.json"""
WIDE = "train+val"
"""the reference of samples where the test split is too small for a metric"""
RECORDED = ("versions", "weights_sha256", "given")
"""what a protocol only records: numbers that differ in nothing else are of one kind"""


@dataclass(frozen=True)
class Number:
    """A number and everything needed to compare it with another.

    >>> Number("fd", 11.8, "lower", floor=3.0, variant="normal").column
    'fd, N(0, I)'
    >>> Number("fd", 11.8, protocol={"split": "val"}).column
    'fd, val split'
    >>> Number("fd", 11.8, protocol={"weights": "best"}).column
    'fd, best weights'
    """

    name: str
    """which metric"""
    value: float | None
    """the number; None where the model or the data cannot give it, see `reason`"""
    better: Better = "lower"
    """which way is good"""
    floor: float | None = None
    """the same measurement of real images against other real images; None where that has no meaning"""
    error: float | None = None
    """half width of the 95 % confidence interval of `value`, where the metric gives one"""
    n: int = 0
    """how many images were measured"""
    variant: str = ""
    """"": samples as the run draws them; else the prior asked for instead, such as normal"""
    reason: str = ""
    """why there is no value"""
    unit: str = ""
    """unit of the value, such as nats"""
    protocol: dict[str, Any] = field(default_factory=dict)
    """how it was measured: data, split, seed, resize, range, extractor and hash, estimator, prior"""

    @property
    def column(self) -> str:
        """Heading of the table column it belongs to; unlike likelihoods and splits never share one."""
        likelihood = self.protocol.get("likelihood") or ""
        prior = {"": "", "normal": "N(0, I)"}.get(self.variant, f"prior {self.variant}")
        split = self.protocol.get("split") or "test"
        part = "" if split == "test" else f"{split} split"
        weights = f"{kept} weights" if (kept := self.protocol.get("weights")) else ""
        return ", ".join(word for word in (self.name, str(likelihood), prior, part, weights) if word)

    @property
    def key(self) -> str:
        """What the number depends on, as text: those of one key replace each other, others stand side by side."""
        kept = {name: value for name, value in self.protocol.items() if name not in RECORDED}
        return json.dumps([self.column, self.n, kept], sort_keys=True, default=str)

    def to_json(self) -> dict[str, Any]:
        """Plain dict; a value that is not finite becomes "no value" with that reason."""
        text = dataclasses.asdict(self)
        if self.value is not None and not math.isfinite(self.value):
            text.update(value=None, reason=f"the result is {self.value}")
        return text


def read_numbers(run: Run) -> list[Number]:
    """Numbers of the weights that the run has now; none if those were never evaluated.

    Raises:
        GvaeError: the file is damaged or of another format version.
    """
    return [number for number in read_all(run) if current(number, run)]


def current(number: Number, run: Run) -> bool:
    """Whether a number was measured on the weights that the run has now, and not on those before more training."""
    of = replace(run, chosen="best" if number.protocol.get("weights") == "best" else "last")
    return number.protocol.get("weights_sha256") == of.digest()


def read_all(run: Run) -> list[Number]:
    """Numbers in a run's metrics.json, those of earlier weights too.

    Raises:
        GvaeError: the file is damaged or of another format version.
    """
    if not run.metrics.exists():
        return []
    try:
        text = json.loads(run.metrics.read_text(encoding="utf-8"))
        if text["format"] == FORMAT:
            return [Number(**row) for row in text["numbers"]]
    except (ValueError, KeyError, TypeError) as error:
        raise GvaeError(f"{run.metrics} is damaged ({error}); delete it and type `{command(run)}`") from error
    raise GvaeError(f"{run.metrics} has format {text['format']}, not {FORMAT}; delete it and type `{command(run)}`")


def write_numbers(run: Run, numbers: list[Number]) -> dict[str, Any]:
    """Merge numbers into metrics.json, atomically: those of the same key are replaced, those of earlier weights go.

    Returns:
        what the file holds now.
    """
    merged = {number.key: number for number in [*read_numbers(run), *numbers]}
    have = {number.column for number in merged.values() if number.value is not None}
    kept = [number for number in merged.values() if number.value is not None or number.column not in have]
    text = {"format": FORMAT, "numbers": [number.to_json() for number in kept]}
    write_text(run.metrics, json.dumps(text, indent=2, allow_nan=False, default=str) + "\n")
    return text


def command(run: Run, *words: str) -> str:
    """What to type to evaluate a run, with these options; quoted for a shell.

    >>> from types import SimpleNamespace
    >>> command(SimpleNamespace(path="runs/my run"), "--metrics", "fd,smallest class")  # pyright: ignore
    "gvae evaluate 'runs/my run' --metrics 'fd,smallest class'"
    """
    return shlex.join(["gvae", "evaluate", str(run.path), *words])
