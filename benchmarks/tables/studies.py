"""Sections of the results pages beside the papers' tables: steps, collapse, conditional samples.

Each is Markdown made from the rows in benchmarks/results, "" where there are none yet.
"""

from __future__ import annotations

import statistics
from typing import Any

from rows import read, where

from gvae.evaluation.quality import Point, quality
from gvae.evaluation.table import pipes


def all_sections() -> list[str]:
    """Those of docs/results.md that have rows."""
    return [text for text in (step(), weighing(), collapse(), conditional()) if text]


def mean(values: list[float], digits: int) -> str:
    """Mean ± standard deviation.

    >>> mean([1.0, 3.0], 1), mean([2.0], 2)
    ('2.0 ± 1.4', '2.00')
    """
    spread = f" ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{spread}"


def origin(rows: list[dict[str, Any]], script: str) -> str:
    """Under a table: script, machine, date, notes."""
    dates = {row["date"] for row in rows}
    sentences = (sentence for row in rows for sentence in row["note"].rstrip(".").split(". "))
    notes = [f"{sentence}." for sentence in dict.fromkeys(sentences) if sentence]
    told = f"`python benchmarks/{script}.py`, {where(rows, 'model')}, {', '.join(sorted(dates))}."
    return " ".join([told, *notes])


def curves(rows: list[dict[str, Any]]) -> str:
    """Quality over training of a reproduced table whose rows have curves, with an empty line after it."""
    found: dict[str, list[list[Point]]] = {}
    for row in rows:
        if "curve" in row:
            found.setdefault(row["label"], []).append([Point(*point) for point in row["curve"]])
    return f"{pipes(quality(found))}\n\n" if found else ""


def step() -> str:
    """One training step against textbook loops and other libraries: a table for each processor."""
    tables = [steps(held) for held in read("step").values()]
    about = (
        "All turns of a round, the same networks, batch, losses and optimisers. The engine chooses bf16 where the processor "
        "has instructions for it, and that gained more on the Intel than on the AMD below. Where it has none, what is left "
        "are forward passes that players share: a VAE, a WGAN or a WGAN-GP has none, and its loop by hand is as fast; 1.5 "
        "times the speed is hardly in reach for them, as a VAE's step runs at more than half of the processor's convolution "
        "peak already (README)."
    )
    return "\n\n".join(["## One training step", about, *tables]) if tables else ""


def steps(held: dict[str, Any]) -> str:
    """One table of `step`."""
    lines = [
        [
            f"{name}, {row['data']}",
            f"{1000 * row['engine_seconds']:.1f}",
            f"{1000 * row['by_hand_seconds']:.1f}",
            f"**{row['ratio_median']:.2f}**",
            f"{row['ratio_min_max'][0]:.2f} to {row['ratio_min_max'][1]:.2f}",
        ]
        for name, row in held["rows"].items()
    ]
    titles = ["model", "engine, ms", "textbook or library, ms", "ratio (median of rounds)", "range"]
    notes = " ".join(f"{text.rstrip('.')}." for text in (held["environment"], held["note"]) if text)
    where = f"`{held['command']}`, {held['processor']}, torch {held['versions']['torch']}, {held['date']}. {notes}"
    return f"{pipes([titles, *lines])}\n\n{where.strip()}"


def weighing() -> str:
    """Speed of importance weighting against a bare decoder, and against Pythae."""
    lines = [
        [
            f"`{row['command']}`",
            "the decoder's bare forward pass over as many codes",
            f"**{row['ratio_median']:.2f}**",
            "",
        ]
        for row in read("weights").values()
    ]
    lines += [
        [
            f"`{row['command']}`",
            "Pythae's `get_nll`, the same encoder and decoder",
            f"**{row['times_faster']:.2f}**",
            " and ".join(
                f"{row['values'][name]:.2f} ± {row['standard_error'][name]:.2f}"
                for name in ("gvae", "pythae")
            )
            + " nats",
        ]
        for row in read("pythae_nll").values()
    ]
    if not lines:
        return ""
    titles = ["command", "beside", "our speed over theirs (median of rounds)", "values"]
    about = (
        "Timed by turns in one process; 1.00 is the limit of the first row, and what lies above is noise of a machine that "
        "did other work as well:"
    )
    return f"## Importance weighting\n\n{about}\n\n{pipes([titles, *lines])}"


def collapse() -> str:
    """How many of several trainings collapse."""
    rows = list(read("collapse").values())
    if not rows:
        return ""
    lines = []
    for model in dict.fromkeys(row["model"] for row in rows):
        mine = [row for row in rows if row["model"] == model]
        bad = [row for row in mine if row["collapsed"]]
        names = ", ".join(sorted({name for row in bad for name in row["collapsed"]})) or "-"
        distances = mean([row["numbers"]["fd"]["value"] for row in mine], 1)
        smallest = min(row["numbers"]["smallest class"]["value"] for row in mine)
        seen = f"{statistics.mean(row['images'] for row in mine) / 1000:.0f}k"
        lines.append([model, f"{len(bad)} of {len(mine)}", names, f"{smallest:.3f}", distances, seen])
    titles = ["model", "collapsed", "what", "smallest class of all", "Frechet distance", "images seen"]
    about = (
        f"{rows[0]['minutes']:g} minutes each. Collapsed: samples with less than 15 % of the data's contrast or 10 % of its "
        "diversity, or a class with less than 1 % of 10,000 samples. So short a training is a beginning: what has not "
        "spread out yet counts as well."
    )
    return f"## Trainings that collapse\n\n{about}\n\n{pipes([titles, *lines])}\n\n{origin(rows, 'collapse')}"


def conditional() -> str:
    """Samples of a class by every model that was measured."""
    text = of_a_class(list(read("conditional").values()), "images")
    return text and f"## Samples of a class\n\n{text}"


def of_a_class(rows: list[dict[str, Any]], images: str) -> str:
    """Agreement of a classifier with the class that was asked for; empty without rows.

    Args:
        images: where the page finds the pictures.
    """
    if not rows:
        return ""
    lines = []
    for model in dict.fromkeys(row["model"] for row in rows):
        mine = [row for row in rows if row["model"] == model]
        agreed = mean([100 * row["agreement"] for row in mine], 1)
        worst = min(100 * min(row["by_class"]) for row in mine)
        distance = mean([row["numbers"]["fd"]["value"] for row in mine], 2)
        picture = f"![{model}]({images}/conditional-{model}.png)"
        spent = f"{mine[0]['minutes']:g}"
        lines.append([model, spent, f"{agreed} %", f"{worst:.1f} %", distance, str(len(mine)), picture])
    titles = [
        "model",
        "minutes",
        "agreement",
        "worst class",
        "Frechet distance",
        "seeds",
        "a row for each class",
    ]
    first = rows[0]
    about = (
        f"{first['each']} samples of each class, named by a classifier that was trained on real images; of real test "
        f"images it names {100 * first['real']:.1f} % as labelled."
    )
    return f"{about}\n\n{pipes([titles, *lines])}\n\n{origin(rows, 'conditional')}"
