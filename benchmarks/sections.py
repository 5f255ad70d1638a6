"""Sections of the results pages beside the papers' tables: steps, collapse, conditional samples, gvae's ablation.

Each is Markdown made from the rows in benchmarks/results, "" where there are none yet.
"""

from __future__ import annotations

import statistics
from collections.abc import Container
from typing import Any

from rows import read, where

from gvae.evaluation.quality import Point, quality
from gvae.evaluation.table import pipes

TRIALS = {
    "fd": ("Frechet distance", 2, 1),
    "coverage": ("coverage", 3, 1),
    "mmd": ("RBF MMD² x 1000", 2, 1000),
    "ms-ssim": ("MS-SSIM", 3, 1),
    "mse": ("reconstruction error x 1000", 2, 1000),
}
"""number -> title, digits, scale; those of short trainings"""
ABLATION = {**TRIALS, "kl": ("KL, nats", 1, 1)}


def all_sections() -> list[str]:
    """Those of docs/results.md that have rows."""
    return [text for text in (others(), step(), weighing(), collapse(), conditional()) if text]


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
    notes = sorted({row["note"] for row in rows if row["note"]})
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
    """One training step against textbook loops and other libraries."""
    held = read("step")
    if not held:
        return ""
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
    about = "All turns of a round, the same networks, batch, losses and optimisers."
    notes = " ".join(f"{text.rstrip('.')}." for text in (held["environment"], held["note"]) if text)
    where = f"`{held['command']}`, {held['processor']}, torch {held['versions']['torch']}, {held['date']}. {notes}"
    return f"## One training step\n\n{about}\n\n{pipes([titles, *lines])}\n\n{where.strip()}"


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
        lines.append([model, f"{agreed} %", f"{worst:.1f} %", distance, str(len(mine)), picture])
    titles = ["model", "agreement", "worst class", "Frechet distance", "seeds", "a row for each class"]
    first = rows[0]
    about = (
        f"{first['each']} samples of each class after {first['minutes']:g} minutes, named by a classifier that was trained "
        f"on real images; of real test images it names {100 * first['real']:.1f} % as labelled."
    )
    return f"{about}\n\n{pipes([titles, *lines])}\n\n{origin(rows, 'conditional')}"


def ablation() -> str:
    """gvae's components on and off."""
    rows = list(read("ablation").values())
    if not rows:
        return ""
    lines = []
    for variant in sorted({row["variant"] for row in rows}, key=lambda name: (name != "defaults", name)):
        mine = [row for row in rows if row["variant"] == variant]
        cells = []
        for name, (_, digits, scale) in ABLATION.items():
            found = [(row["numbers"].get(name) or {}).get("value") for row in mine]
            known = [scale * value for value in found if value is not None]
            cells.append(mean(known, digits) if known else "n/a")
        lines.append(
            [variant, *cells, f"{statistics.mean(row['images'] for row in mine) / 1000:.0f}k", str(len(mine))]
        )
    titles = ["what differs", *(title for title, _, _ in ABLATION.values()), "images seen", "seeds"]
    about = f"{rows[0]['minutes']:g} minutes each, validation split of {rows[0]['data']}."
    return f"{about}\n\n{pipes([titles, *lines])}\n\n{origin(rows, 'ablation')}"


def trials(models: Container[str]) -> str:
    """The short trainings that some models' options were chosen by."""
    lines = []
    for key, row in read("trials").items():
        if row["model"] in models and "--split val" in row["commands"][1]:
            data, model, *options = key.split()[:-2]
            what = f"{model}, `{' '.join(options)}`" if options else model
            cells = [cell(row, name) for name in TRIALS]
            lines.append([what, data, spent(row), *cells, f"{row['images'] / 1000:.0f}k"])
    titles = ["trained", "data", "budget", *(title for title, _, _ in TRIALS.values()), "images seen"]
    return pipes([titles, *lines]) if lines else ""


def cell(row: dict[str, Any], name: str) -> str:
    """One number of a trial, empty where it was not measured or does not exist.

    >>> cell({"numbers": {"fd": {"value": 0.254}}}, "fd"), cell({"numbers": {}}, "mse")
    ('0.25', '')
    """
    _, digits, scale = TRIALS[name]
    value = (row["numbers"].get(name) or {}).get("value")
    return "" if value is None else f"{scale * value:.{digits}f}"


def chosen() -> str:
    """How gvae's defaults were chosen."""
    text = trials(("gvae", "vae"))
    about = (
        "One seed each, validation split; vae with the fitted mixture, as gvae has it. Rows of 110,000 images are of the "
        "present game, with a mixture of 400 Gaussians at temperature 1; those of one data set share their first stage. "
        "All others are older: encoder and prior moved on "
        "beside the critic, the mixture had 200 Gaussians of another fit, and was fitted anew at the end (`--refit`, an "
        "option of that time). Those of 100,000 images, 3 and 10 minutes are of 21 November 2026, when the defaults were "
        "`--start 0.85 --weight 0.4 --late-lr 1e-3 --critic-start random`. Of the older ones, only in the rows "
        "with `--refit` did the average that samples begin anew with the critic (`--ema 5000` comes near to it) and was "
        "the prior fitted to more than 10,000 codes before."
    )
    return text and f"{about}\n\n{text}"


def contrast() -> str:
    """Where contrast is lost on the way from images to samples; empty without rows."""
    parts = []
    for row in read("contrast").values():
        lines = [
            [
                name,
                f"{found['deviation']:.3f}",
                f"{found['fd']:.2f}",
                f"{found['density']:.2f}" if "density" in found else "",
                f"{found['coverage']:.3f}",
                f"{1000 * found['mmd']:.2f} ± {1000 * found['mmd error']:.2f}",
            ]
            for name, found in row["rows"].items()
        ]
        titles = [
            f"{row['model']}, {row['data']}, 5,000 each",
            "deviation of pixels",
            "Frechet distance",
            "density",
            "coverage",
            "RBF MMD² x 1000",
        ]
        told = f"`{row['commands'][-1]}`, {row['processor']}, {row['date']}. {row['note']}".strip()
        parts.append(f"{pipes([titles, *lines])}\n\n{told}")
    return "\n\n".join(parts)


def others() -> str:
    """How the options of the systems that gvae is compared with were chosen."""
    text = trials(("gan", "wgan", "wgan-gp", "vae-gan", "alpha-gan", "ac-wgan"))
    about = (
        "One seed each, validation split, `python benchmarks/trials.py`. The comparisons above take the best of each "
        "model (for wgan, whose two best differ by less than seeds do, its defaults); other defaults are those of longer "
        "trainings."
    )
    return text and f"## Options of the systems compared\n\n{about}\n\n{text}"


def priors() -> str:
    """Fits of the mixture prior to the codes of one run."""
    rows = read("prior")
    if not rows:
        return ""
    copied, *fits = sorted(rows.items(), key=lambda item: ("fits" in item[1], item[1].get("fd", 0.0)))
    lines = [
        [
            name,
            f"{row['log p of validation codes']:.2f}" if "fits" in row else "",
            f"{row['fd']:.2f}",
            f"{row['coverage']:.3f}",
            f"{row['ms-ssim']:.3f}",
            f"{row['nearest']:.2f}" if "fits" in row else "",
            f"{row['processor seconds']:.0f}" if "fits" in row else "",
        ]
        for name, row in (copied, *fits)
    ]
    row = fits[0][1]
    each = f"mean of {len(row['fits'])} fits each" if len(row["fits"]) > 1 else "one fit each"
    about = (
        f"Priors fitted to the codes of one {row['model']} on {row['data']}, {each}, best first; 5,000 "
        f"samples against the validation split, whose own MS-SSIM is {row['ms-ssim, real']:.3f}. What is not said is as by "
        "default: 60,000 codes at most, 1,200 Gaussians in families of ten, shrink 60, temperature 0.95. Nearest code: the "
        "median distance of a drawn code to the nearest training code, in that of validation codes; of copies it would be "
        "less than 1."
    )
    titles = [
        "fitted",
        "log p(code), nats",
        "Frechet distance",
        "coverage",
        "MS-SSIM",
        "nearest code",
        "processor seconds",
    ]
    where = f"`{row['command']}`, {row['processor']}, torch {row['versions']['torch']}, {row['date']}. {row['note']}"
    return f"{about}\n\n{pipes([titles, *lines])}\n\n{where.strip()}"


def spent(row: dict[str, Any]) -> str:
    """What a training was given."""
    return f"{row['minutes']:g} minutes" if row["minutes"] else "images"


if __name__ == "__main__":
    print("\n\n".join([*all_sections(), ablation()]))
