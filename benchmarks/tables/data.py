"""The tables of docs/data.md, from the rows of sources.py, prepare.py and loader.py; used by tables.py."""

from __future__ import annotations

from typing import Any

from rows import read

from gvae.evaluation.table import pipes


def measured() -> str:
    """All of them that have rows."""
    found = [text for text in (sources(), preparing(), loading()) if text]
    return "\n\n".join(found) or "Not measured yet: `python benchmarks/sources.py`."


def origin(row: dict[str, Any]) -> str:
    """Machine, versions and date of a row."""
    versions = ", ".join(f"{name} {version}" for name, version in row["versions"].items() if name != "gvae")
    return f"{row['processor']}, {versions}, {row['date']}"


def sources() -> str:
    """What every source holds, and how fast it is trained on."""
    rows = read("sources")
    if not rows:
        return ""
    lines = [
        [
            f"`{row['commands'][0].removeprefix('gvae data prepare ').strip()}`",
            f"{row['images']:,}",
            " x ".join(map(str, (row["channels"], *row["shape"]))),
            stored(row["stored"]),
            str(row["conditions"] or ""),
            f"`{row['commands'][1].removeprefix('gvae train gvae').strip()}`".replace("``", ""),
            speed(row["training_images_per_second"]),
        ]
        for row in rows.values()
    ]
    titles = [
        "source",
        "images",
        "shape",
        "stored",
        "classes or attributes",
        "options of training",
        "images/s",
    ]
    last = max(rows.values(), key=lambda row: row["date"])
    about = (
        f"Every source below prepared, inspected and trained on for {last['minutes']:g} minutes by `gvae train gvae` "
        "(images/s is the speed of that training, with its pictures and its prior):"
    )
    where = f"`python benchmarks/sources.py`, {origin(last)}. Most are subsets: the counts are those of the copies measured."
    return f"{about}\n\n{pipes([titles, *lines])}\n\n{where}"


def stored(held: dict[str, Any]) -> str:
    """How values are kept, and what they are.

    >>> stored({"type": "uint8", "min": 0, "max": 255, "unit": "gray level"})
    'uint8, 0 to 255 gray level'
    """
    return f"{held['type']}, {held['min']} to {held['max']} {held['unit']}"


def speed(value: float) -> str:
    """Images per second.

    >>> speed(5913.1), speed(0.73)
    ('5,913', '0.7')
    """
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def preparing() -> str:
    """`gvae data prepare` against a plain loop."""
    held = read("prepare")
    if not held:
        return ""
    kinds = {name: row for name, row in held.items() if isinstance(row, dict) and "plain" in row}
    lines = [
        [
            name,
            f"{row['plain']['images_per_second']:.0f}",
            f"{row['gvae']['images_per_second']:.0f}",
            f"**{row['gvae']['ratio_median']:.2f}**",
            f"{row['processes']['ratio_median']:.2f}",
            f"{row['ceiling']['ratio_median']:.2f}",
            f"{row['peak_megabytes']:.0f}" if "peak_megabytes" in row else "",
        ]
        for name, row in kinds.items()
    ]
    titles = [
        "images",
        "plain loop, images/s",
        "prepare, images/s",
        "ratio",
        "a pool of processes, ratio",
        "decoding alone in a process per core, ratio",
        "peak, MB",
    ]
    about = (
        f"`gvae data prepare` on {held['cores']} cores beside a plain Pillow loop on one (median of alternating rounds; "
        "prepare also reads every header, checks every file and keeps a journal; the aim at 256 pixels is 1.8):"
    )
    return f"{about}\n\n{pipes([titles, *lines])}\n\n`{held['command']}`, {origin(held)}."


def loading() -> str:
    """The reader against the fastest model."""
    held = read("loader")
    if not held:
        return ""
    lines = [
        [
            name,
            f"{row['reader_images_per_second']:,.0f}",
            f"{row['model_images_per_second']:,.1f} ({row['fastest_model']})",
            f"**{row['ratio_median']:,.0f}** (aim {row['aim']})",
            f"{row.get('cold_reader_images_per_second', 0):,.0f}",
        ]
        for name, row in held.items()
        if isinstance(row, dict) and "aim" in row
    ]
    titles = [
        "images",
        "reader, images/s",
        "fastest model, images/s",
        "ratio",
        "reader, file not in memory, images/s",
    ]
    about = "Batches as networks get them, beside what the fastest model uses up in training:"
    return f"{about}\n\n{pipes([titles, *lines])}\n\n`{held['command']}`, {origin(held)}."
