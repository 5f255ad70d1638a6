"""How options were chosen: short trainings, gvae's components on and off, fits of its prior, where contrast is lost.

Each is Markdown made from the rows in benchmarks/results, "" where there are none yet.
"""

from __future__ import annotations

import statistics
from collections.abc import Container
from typing import Any

from rows import read
from sections import mean, origin

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
TODAY = "today's defaults"
"""a variant of the ablation; what differs from it is called "today's, ...", and all others differ from the base"""


def others() -> str:
    """How the options of the systems that gvae is compared with were chosen."""
    text = trials(("gan", "wgan", "wgan-gp", "vae-gan", "alpha-gan", "ac-wgan"))
    about = (
        "One seed each, validation split, `python benchmarks/trials.py`. The comparisons above take the best of each "
        "model (for wgan, whose two best differ by less than seeds do, its defaults); other defaults are those of longer "
        "trainings."
    )
    return text and f"## Options of the systems compared\n\n{about}\n\n{text}"


def chosen() -> str:
    """How gvae's defaults were chosen."""
    text = trials(("gvae", "vae"))
    about = (
        "One seed each, validation split; vae with the fitted mixture, as gvae has it. Rows of 110,000 images are of the "
        "present game with R1 in every eighth round and a mixture of 400 Gaussians at temperature 1; those of one data set "
        "share their first stage. "
        "All others are older: encoder and prior moved on "
        "beside the critic, the mixture had 200 Gaussians of another fit, and was fitted anew at the end (`--refit`, an "
        "option of that time). Those of 100,000 images, 3 and 10 minutes are of 21 November 2026, when the defaults were "
        "`--start 0.85 --weight 0.4 --late-lr 1e-3 --critic-start random`. Of the older ones, only in the rows "
        "with `--refit` did the average that samples begin anew with the critic (`--ema 5000` comes near to it) and was "
        "the prior fitted to more than 10,000 codes before."
    )
    return text and f"{about}\n\n{text}"


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


def spent(row: dict[str, Any]) -> str:
    """What a training was given."""
    return f"{row['minutes']:g} minutes" if row["minutes"] else "images"


def ablation() -> str:
    """gvae's components on and off: a table for each length of training and each data set."""
    rows = list(read("ablation").values())
    if not rows:
        return ""
    groups = sorted({(row["minutes"], row["data"]) for row in rows}, reverse=True)
    tables = [components([row for row in rows if (row["minutes"], row["data"]) == group]) for group in groups]
    return "\n\n".join([*tables, origin(rows, "ablation")])


def components(rows: list[dict[str, Any]]) -> str:
    """One table of `ablation`."""
    lines = []
    first = ("base", TODAY)
    for variant in sorted({row["variant"] for row in rows}, key=lambda name: (name not in first, name)):
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
    about = f"{rows[0]['minutes']:g} minutes each, validation split of {rows[0]['data']}:"
    changes = [differences(rows, against) for against in ("base", TODAY)]
    return "\n\n".join(part for part in (about, pipes([titles, *lines]), *changes) if part)


def differences(rows: list[dict[str, Any]], against: str) -> str:
    """What each variant of several seeds changes, compared with `base` or `TODAY` of the same seed; empty without any."""
    known = {(row["variant"], row["seed"]): row["numbers"] for row in rows}
    lines = []
    for variant in sorted({variant for variant, _ in known} - {against}):
        if variant.startswith("today's,") != (against == TODAY):
            continue
        seeds = [seed for name, seed in known if name == variant and (against, seed) in known]
        if len(seeds) < 2:
            continue
        cells = []
        for name, (_, digits, scale) in ABLATION.items():
            ours, theirs = ([known[who, seed][name]["value"] for seed in seeds] for who in (variant, against))
            steps = [scale * (a - b) for a, b in zip(ours, theirs, strict=True)]
            error = statistics.stdev(steps) / len(steps) ** 0.5
            cells.append(f"{statistics.mean(steps):+.{digits}f} ± {error:.{digits}f}")
        lines.append([variant, *cells, str(len(seeds))])
    than = "the base" if against == "base" else against
    titles = [f"change against {than}", *(title for title, _, _ in ABLATION.values()), "seeds"]
    text = f"Mean change over seeds, each compared with {than} of the same seed, ± its standard error:"
    return f"{text}\n\n{pipes([titles, *lines])}" if lines else ""


def contrast() -> str:
    """Where contrast is lost on the way from images to samples; empty without rows."""
    parts = []
    for row in read("contrast").values():
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
        told = f"`{row['commands'][-1]}`, {row['processor']}, {row['date']}. {row['note']}".strip()
        parts.append(f"{pipes([titles, *lines])}\n\n{told}")
    return "\n\n".join(parts)


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
        "default: 60,000 codes at most, 1,200 Gaussians in families of ten, shrink 60, damp 2. Nearest code: the "
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
