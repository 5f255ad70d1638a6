"""The tables of docs/data/index.md: sources, their preparation, and the reader."""

from __future__ import annotations

from benchmarks.rows import Row, read
from benchmarks.tables.text import dates, machines, origin
from gvae.reproduce.table import pipes


def measured() -> str:
    """All of them that have rows."""
    return "\n\n".join(text for text in (sources(), preparing(), loading()) if text)


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
    titles = ["source", "images", "shape", "stored", "classes or attributes", "options of training", "images/s"]
    held = [{**row, "source": name} for name, row in rows.items()]
    about = (
        f"Every source was prepared, inspected and trained on for {held[0]['minutes']:g} minutes by `gvae train gvae`. "
        "images/s is the speed of that training, with its pictures and its prior. Most are subsets: the counts are those of "
        "the copies measured."
    )
    where = f"{machines(held, 'source')}, torch {held[0]['versions']['torch']}, {dates(held)}"
    return f"{about}\n\n{pipes([titles, *lines])}\n\n`python -m benchmarks.data.sources`, {where}."


def stored(held: Row) -> str:
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
    """`gvae data prepare` against a plain loop: a table for each processor."""
    return "\n\n".join(map(prepared, read("prepare").values()))


def prepared(row: Row) -> str:
    """One table of `preparing`."""
    titles = [
        "images",
        "plain loop, images/s",
        "prepare, images/s",
        "ratio",
        "a pool of processes, ratio",
        "decoding alone in a process per core, ratio",
        "peak, MB",
    ]
    lines = [
        [
            name,
            f"{found['plain']['images_per_second']:.0f}",
            f"{found['gvae']['images_per_second']:.0f}",
            f"**{found['gvae']['ratio_median']:.2f}**",
            f"{found['processes']['ratio_median']:.2f}",
            f"{found['ceiling']['ratio_median']:.2f}",
            f"{found['peak_megabytes']:.0f}" if "peak_megabytes" in found else "",
        ]
        for name, found in row["rows"].items()
    ]
    about = (
        f"`gvae data prepare` on {row['cores']} cores against a plain Pillow loop on one (median of alternating rounds). "
        "prepare also reads every header, checks every file and keeps a journal. The aim at 256 pixels is 1.8."
    )
    pillow = f"pillow {row['versions']['pillow']}"
    return f"{about}\n\n{pipes([titles, *lines])}\n\n{origin(row, pillow)}"


def loading() -> str:
    """The reader against the fastest model: a table for each processor."""
    return "\n\n".join(map(loaded, read("loader").values()))


def loaded(row: Row) -> str:
    """One table of `loading`."""
    titles = ["images", "reader, images/s", "fastest model, images/s", "ratio", "reader, file not in memory, images/s"]
    lines = [
        [
            name,
            f"{found['reader_images_per_second']:,.0f}",
            f"{found['model_images_per_second']:,.1f} ({found['fastest_model']})",
            f"**{found['ratio_median']:,.0f}** (aim {found['aim']})",
            f"{found.get('cold_reader_images_per_second', 0):,.0f}",
        ]
        for name, found in row["rows"].items()
    ]
    about = "Batches that the reader delivers, against what the fastest model takes in training:"
    return f"{about}\n\n{pipes([titles, *lines])}\n\n{origin(row)}"
