"""How options were chosen: short trainings of all models, and gvae's components on and off.

Each is Markdown made from the rows in benchmarks/results, "" where there are none yet.
"""

from __future__ import annotations

import statistics
from collections.abc import Container

from benchmarks.rows import Row, read
from benchmarks.tables.text import mean, origins
from gvae.reproduce.table import pipes

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
OTHERS = """## Options of the models compared

One seed each, validation split, `python -m benchmarks.studies.trials`. The tables above use the best options of each model;
wgan keeps its defaults, because its two best differ by less than seeds do. Other defaults are those of longer trainings."""
CHOSEN = """One seed each, validation split; vae has the fitted mixture, like gvae.

- Rows of 110,000 images: today's training steps, R1 every eighth round, a mixture of 400 Gaussians at temperature 1. Rows of
  one data set share their first stage.
- All other rows are older. Encoder and prior went on learning in the adversarial stage. The mixture had 200 Gaussians, was
  fitted in another way, and was refitted at the end with `--refit`, an option of that time.
- Rows of 100,000 images, of 3 and of 10 minutes are of 21 November 2026. The defaults were `--start 0.85 --weight 0.4
  --generator-lr-adv 1e-3 --critic-start random`.
- Of the older rows, only those with `--refit` restarted the average of weights when the critic started (`--ema 5000` comes
  close), and fitted the prior to more than 10,000 codes before."""


def others() -> str:
    """How the options of the models that gvae is compared with were chosen."""
    text = trials(("gan", "wgan", "wgan-gp", "vae-gan", "alpha-gan", "ac-wgan"))
    return text and f"{OTHERS}\n\n{text}"


def chosen() -> str:
    """How gvae's defaults were chosen."""
    text = trials(("gvae", "vae"))
    return text and f"{CHOSEN}\n\n{text}"


def tried() -> int:
    """Short trainings that gvae's options come from."""
    return sum(row["model"] == "gvae" for row in validated().values()) + len(read("ablation"))


def validated() -> dict[str, Row]:
    """The trials that were measured on the validation split."""
    return {key: row for key, row in read("trials").items() if "--split val" in row["commands"][1]}


def trials(models: Container[str]) -> str:
    """The short trainings that some models' options were chosen by."""
    lines = []
    for key, row in validated().items():
        if row["model"] in models:
            data, model, *options = key.split()[:-2]
            what = f"{model}, `{' '.join(options)}`" if options else model
            cells = [cell(row, name) for name in TRIALS]
            lines.append([what, data, spent(row), *cells, f"{row['images'] / 1000:.0f}k"])
    titles = ["trained", "data", "budget", *(title for title, _, _ in TRIALS.values()), "images seen"]
    return pipes([titles, *lines]) if lines else ""


def cell(row: Row, name: str) -> str:
    """One number of a trial, empty where it was not measured or does not exist.

    >>> cell({"numbers": {"fd": {"value": 0.254}}}, "fd"), cell({"numbers": {}}, "mse")
    ('0.25', '')
    """
    _, digits, scale = TRIALS[name]
    value = (row["numbers"].get(name) or {}).get("value")
    return "" if value is None else f"{scale * value:.{digits}f}"


def spent(row: Row) -> str:
    """What a training was given."""
    return f"{row['minutes']:g} minutes" if row["minutes"] else "images"


def ablation() -> str:
    """gvae's components on and off: a table for each length of training and each data set."""
    rows = list(read("ablation").values())
    if not rows:
        return ""
    groups = sorted({(row["minutes"], row["data"]) for row in rows}, reverse=True)
    tables = [components([row for row in rows if (row["minutes"], row["data"]) == group]) for group in groups]
    return "\n\n".join([*tables, origins(rows, "studies.ablation")])


def components(rows: list[Row]) -> str:
    """One table of `ablation`."""
    first = ("base", TODAY)
    variants = sorted({row["variant"] for row in rows}, key=lambda name: (name not in first, name))
    lines = [component(name, [row for row in rows if row["variant"] == name]) for name in variants]
    titles = ["what differs", *(title for title, _, _ in ABLATION.values()), "images seen", "seeds"]
    about = f"{rows[0]['minutes']:g} minutes each, validation split of {rows[0]['data']}:"
    changes = [differences(rows, against) for against in first]
    return "\n\n".join(part for part in (about, pipes([titles, *lines]), *changes) if part)


def component(variant: str, rows: list[Row]) -> list[str]:
    """A variant's line of `components`."""
    cells = []
    for name, (_, digits, scale) in ABLATION.items():
        found = [(row["numbers"].get(name) or {}).get("value") for row in rows]
        known = [scale * value for value in found if value is not None]
        cells.append(mean(known, digits) if known else "n/a")
    seen = statistics.mean(row["images"] for row in rows) / 1000
    return [variant, *cells, f"{seen:.0f}k", str(len(rows))]


def differences(rows: list[Row], against: str) -> str:
    """What each variant of several seeds changes, compared with `base` or `TODAY` of the same seed; empty without any."""
    known = {(row["variant"], row["seed"]): row["numbers"] for row in rows}
    lines = []
    for variant in sorted({variant for variant, _ in known} - {against}):
        seeds = [seed for name, seed in known if name == variant and (against, seed) in known]
        if variant.startswith("today's,") == (against == TODAY) and len(seeds) > 1:
            pairs = [(known[variant, seed], known[against, seed]) for seed in seeds]
            lines.append([variant, *(change(pairs, name) for name in ABLATION), str(len(seeds))])
    than = "the base" if against == "base" else against
    titles = [f"change against {than}", *(title for title, _, _ in ABLATION.values()), "seeds"]
    text = f"Mean change over seeds, each compared with {than} of the same seed, ± its standard error:"
    return f"{text}\n\n{pipes([titles, *lines])}" if lines else ""


def change(pairs: list[tuple[Row, Row]], name: str) -> str:
    """Mean difference of a number over pairs of measurements, ± its standard error.

    >>> change([({"fd": {"value": 2.0}}, {"fd": {"value": 1.0}}), ({"fd": {"value": 4.0}}, {"fd": {"value": 1.0}})], "fd")
    '+2.00 ± 1.00'
    """
    _, digits, scale = ABLATION[name]
    steps = [scale * (ours[name]["value"] - theirs[name]["value"]) for ours, theirs in pairs]
    error = statistics.stdev(steps) / len(steps) ** 0.5
    return f"{statistics.mean(steps):+.{digits}f} ± {error:.{digits}f}"
