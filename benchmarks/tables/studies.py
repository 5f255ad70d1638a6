"""Collapse, samples of a class, where contrast is lost, and fits of the prior.

Each is Markdown made from the rows in benchmarks/results, "" where there are none yet.
"""

from __future__ import annotations

import statistics

from benchmarks.rows import Row, read
from benchmarks.tables.text import mean, origin, origins
from gvae.reproduce.table import pipes


def collapse() -> str:
    """How many of several trainings collapse."""
    rows = list(read("collapse").values())
    if not rows:
        return ""
    models = dict.fromkeys(row["model"] for row in rows)
    lines = [collapsed(model, [row for row in rows if row["model"] == model]) for model in models]
    titles = ["model", "collapsed", "what", "smallest class of all", "Frechet distance", "images seen"]
    about = (
        f"{rows[0]['minutes']:g} minutes each. A training counts as collapsed if its samples have less than 15 % of the "
        "data's contrast or 10 % of its diversity, or if a class has less than 1 % of 10,000 samples. After so "
        "short a training a model may just not have spread out yet; that counts as well."
    )
    table = pipes([titles, *lines])
    return f"## Trainings that collapse\n\n{about}\n\n{table}\n\n{origins(rows, 'studies.collapse')}"


def collapsed(model: str, rows: list[Row]) -> list[str]:
    """A model's line of `collapse`."""
    bad = [row for row in rows if row["collapsed"]]
    names = ", ".join(sorted({name for row in bad for name in row["collapsed"]})) or "-"
    distances = mean([row["numbers"]["fd"]["value"] for row in rows], 1)
    smallest = min(row["numbers"]["smallest class"]["value"] for row in rows)
    seen = f"{statistics.mean(row['images'] for row in rows) / 1000:.0f}k"
    return [model, f"{len(bad)} of {len(rows)}", names, f"{smallest:.3f}", distances, seen]


def conditional() -> str:
    """Samples of a class by every model that was measured."""
    text = of_a_class(list(read("conditional").values()), "images")
    return text and f"## Samples of a class\n\n{text}"


def of_a_class(rows: list[Row], images: str) -> str:
    """Agreement of a classifier with the class that was asked for; empty without rows.

    Args:
        images: where the page finds the pictures.
    """
    if not rows:
        return ""
    titles = ["model", "minutes", "agreement", "worst class", "Frechet distance", "seeds", "a row for each class"]
    models = dict.fromkeys(row["model"] for row in rows)
    lines = [agreed(model, [row for row in rows if row["model"] == model], images) for model in models]
    first = rows[0]
    about = (
        f"A classifier trained on real images judges {first['each']:,} samples of each class. It names "
        f"{100 * first['real']:.1f} % of real test images as labelled."
    )
    return f"{about}\n\n{pipes([titles, *lines])}\n\n{origins(rows, 'studies.conditional')}"


def agreed(model: str, rows: list[Row], images: str) -> list[str]:
    """A model's line of `of_a_class`."""
    share = mean([100 * row["agreement"] for row in rows], 1)
    worst = min(100 * min(row["by_class"]) for row in rows)
    distance = mean([row["numbers"]["fd"]["value"] for row in rows], 2)
    picture = f"![{model}]({images}/conditional-{model}.png)"
    return [model, f"{rows[0]['minutes']:g}", f"{share} %", f"{worst:.1f} %", distance, str(len(rows)), picture]


def contrast() -> str:
    """Where contrast is lost on the way from images to samples: a table for each run."""
    return "\n\n".join(map(lost, read("contrast").values()))


def lost(row: Row) -> str:
    """One table of `contrast`."""
    lines = [
        [
            name,
            f"{found['deviation']:.3f}",
            f"{found['fd']:.2f}",
            f"{found['density']:.2f}",
            f"{found['coverage']:.3f}",
            f"{1000 * found['mmd']:.2f}",
            f"{found['checkerboard']:.2f}",
        ]
        for name, found in row["rows"].items()
    ]
    titles = [
        f"{row['model']}, {row['data']}, means of 3 draws of 5,000",
        "deviation of pixels",
        "Frechet distance",
        "density",
        "coverage",
        "RBF MMD² x 1000",
        "checkerboard, gray levels of 255",
    ]
    return f"{pipes([titles, *lines])}\n\n{origin(row)}"


def fits() -> str:
    """Fits of the mixture prior to the codes of one run."""
    rows = read("prior")
    if not rows:
        return ""
    copied, *fitted = sorted(rows.items(), key=lambda item: ("fits" in item[1], item[1].get("fd", 0.0)))
    titles = [
        "fitted",
        "log p(code), nats",
        "Frechet distance",
        "coverage",
        "MS-SSIM",
        "nearest code",
        "processor seconds",
    ]
    lines = [fit(name, row) for name, row in (copied, *fitted)]
    row = fitted[0][1]
    each = f"mean of {len(row['fits'])} fits" if len(row["fits"]) > 1 else "one fit"
    about = (
        f"Mixtures fitted to the codes of one {row['model']} on {row['data']}, {each} each, best first. Each is measured "
        f"with 5,000 samples against the validation split, whose own MS-SSIM is {row['ms-ssim, real']:.3f}. A row changes "
        "one of the defaults: 60,000 codes at most, 1,200 Gaussians in clusters of ten, `shrink` 60, `denoise` 2. "
        '"Nearest code" is the median distance of a sampled code to the nearest training code, divided by that of '
        "validation codes: copies have less than 1."
    )
    return f"{about}\n\n{pipes([titles, *lines])}\n\n{origin(row)}"


def fit(name: str, row: Row) -> list[str]:
    """A line of `fits`; codes of training images have no density."""
    density = f"{row['log p of validation codes']:.2f}" if "fits" in row else ""
    nearest, seconds = (f"{row['nearest']:.2f}", f"{row['processor seconds']:.0f}") if "fits" in row else ("", "")
    quality = f"{row['fd']:.2f}", f"{row['coverage']:.3f}", f"{row['ms-ssim']:.3f}"
    return [name, density, *quality, nearest, seconds]
