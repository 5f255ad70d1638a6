"""gvae compare RUN RUN ...: evaluated runs side by side, on the terminal and as one page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from gvae.commands.evaluate import split_names
from gvae.commands.parsing import REQUIRED, WORD, parse
from gvae.errors import GvaeError
from gvae.runs import Run


@dataclass(frozen=True)
class Compare:
    """Put evaluated runs side by side.

    Runs that differ in their seed alone share a column, with mean and spread. Numbers of unlike protocols are never
    mixed: those on other data stand apart, others are left out, with the command that measures them alike.
    """

    runs: Annotated[tuple[Path, ...], WORD] = REQUIRED
    """run folders, each evaluated before"""
    metrics: str | None = None
    """names of metrics, or of rows that tables print, separated by commas; all if not given"""
    out: Path | None = None
    """also write one self-contained page with table, samples and curves, as in report.html"""


def run(words: list[str]) -> None:
    """Compare as the command line says."""
    args = parse(Compare(), words, "gvae compare")
    if not args.runs:
        raise GvaeError("name the run folders, as in `gvae compare runs/a runs/b --out report.html`")
    opened = [Run.open(path) for path in args.runs]
    from rich.console import Console

    from gvae.evaluation import compare
    from gvae.report.page import write_report
    from gvae.report.tables import console

    Console(highlight=False).print(console(compare(opened, split_names(args.metrics))))
    if args.out is not None:
        write_report(opened, args.out, split_names(args.metrics))
        print(f"Page: {args.out}")
