"""Write the result tables of README and docs from the committed rows.

    python benchmarks/tables.py            # --check: only say whether they are up to date

Text between `<!-- results:begin -->` and `<!-- results:end -->` is replaced.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import choices
import explored
import gains
import readers
import sections
from rows import RESULTS, read, where

from gvae.evaluation.experiments import EXPERIMENTS
from gvae.evaluation.numbers import Number
from gvae.evaluation.recipe import Experiment
from gvae.evaluation.table import Measured, markdown, table

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
MODELS = HERE.parent / "docs" / "models"
PAGE = HERE.parent / "docs" / "results.md"
DOCS = HERE.parent / "docs"
LATENT, EXPLORER, DATA, CHOOSING, PRIORS = (
    DOCS / f"{name}.md" for name in ("latent", "explorer", "data", "choosing-a-model", "priors")
)
INTRODUCTION = """# Results: the papers' tables, measured here

Every row was trained and measured by the command below its table; "paper" is what the papers print. Written by
`benchmarks/tables.py` from the rows in `benchmarks/results`. Samples of fitted mixtures that were measured up to 28 November
2026 were drawn at a temperature of 0.95 in place of damped ([priors](priors.md))."""
HEADLINES = {"table3-small": "MNIST", "table3-small-fashion-mnist": "Fashion-MNIST"}
"""what the README shows, under which names"""
PICTURES = {
    "gans-vs-vaes-small": {
        "gans-vs-vaes-curves.png": "The score of each model against images seen and against seconds",
        "gans-vs-vaes.png": "Real MNIST digits beside 64 samples of each model after six minutes",
    },
}
"""pictures of docs/images below a table of the results, and what they show"""
LEGEND = (
    "Frechet distance and coverage are taken in the features of a small classifier of each data set: they are no "
    "Inception numbers. Lower is better for distances and errors, higher for coverage; the best MS-SSIM is the real images' "
    "own, which differs between test and training split (docs/metrics/ms-ssim.md). gvae's options come from {trials} short "
    "trainings on both validation splits, the others' from ten at most, on MNIST's alone, and its recipe changed six "
    "times after the test split had been seen ([how far to trust this](docs/models/gvae.md#ablation)). The papers' figures "
    "and notes on the rows are in [results](docs/results.md)."
)


def headline() -> str:
    """The papers' comparison of all models, without the papers' figures."""
    tables, parts = reproduced(), []
    for name, title in HEADLINES.items():
        if name in tables:
            experiment, rows, found = tables[name]
            recipes = tuple(
                replace(recipe, paper={}, note="", paper_note="") for recipe in experiment.recipes
            )
            minutes = max(row["minutes"] for row in found)
            about = (
                f"**{title}**, {minutes:g} minutes each, 10,000 samples "
                "against the test split, mean ± standard deviation over seeds, or with one seed the 95 % interval over "
                "images:"
            )
            text = table(replace(experiment, recipes=recipes), rows)
            verdict = experiment.verdict(rows) if experiment.verdict else ""
            parts += [about, text, *filter(None, [verdict]), origin(name, found)]
    if not parts:
        return "Not measured yet: `python benchmarks/reproduce.py table3`."
    tried = sum(" gvae" in f" {key}" for key in read("trials")) + len(read("ablation"))
    return "\n\n".join([*parts, LEGEND.format(trials=tried)])


def engine() -> str:
    """The engine against loops written by hand."""
    row = json.loads((RESULTS / "engine.json").read_text(encoding="utf-8"))
    lines = [
        "| model | engine, images/s | by hand, images/s | ratio (median of rounds) | of convolution peak |"
    ]
    lines.append("|---|---|---|---|---|")
    for name in ("vae", "gvae"):
        r = row[name]
        lines.append(
            f"| {name} | {r['engine_images_per_second']:.0f} | {r['by_hand_images_per_second']:.0f} | "
            f"**{r['ratio_median']:.2f}** | {r['fraction_of_convolution_peak']:.0%} |"
        )
    peak = f"{row['convolution_peak_gflops']} GFLOP/s on one 3x3 convolution"
    notes = "; ".join(text for text in (row.get("environment"), row.get("note")) if text)
    where = f"`{row['command']}`, {row['processor']}, peak {peak}, {row['date']}"
    return "\n".join([*lines, "", f"{where}; {notes}." if notes else f"{where}."])


def likelihood() -> str:
    """The importance-weighted bound of the small VAE with a learned prior."""
    rows = read("likelihood")
    if not rows:
        return ""
    lines = [
        "## The highest log-likelihood",
        "",
        "`vae --preset likelihood` on dynamically binarised MNIST, test split, nats per image, ± 95 % interval over images.",
        "",
        "| where | importance-weighted | ELBO | KL(q(z given x), N(0, I)) | parameters | training |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows.values():
        numbers = row["numbers"]
        bound = next(name for name in numbers if name.startswith("iwae"))
        k, images = bound.removeprefix("iwae-"), f"{numbers[bound]['n']:,}"
        cells = [f"{numbers[n]['value']:.2f} ± {numbers[n]['error']:.2f}" for n in (bound, "elbo", "kl")]
        cells[0] += f" (k = {k}, {images} images)"
        size = f"{row['parameters'] / 1e6:.1f} M"
        time = f"{row['minutes']:g} minutes, {row['images'] / 1e6:.2f} M images"
        lines.append(f"| {row['processor']} | {' | '.join(cells)} | {size} | {time} |")
    notes = [
        f"{', then '.join(f'`{command}`' for command in row['commands'])}, {row['date']}. {row['note']}".strip()
        for row in rows.values()
    ]
    anchors = (
        "Beside it, from the papers: -80.8 (ELBO) and -79.1 (importance-weighted, k = 128) for IAF of depth 8 on the same "
        "binarisation; -79.9 is the best bound in the GVAE papers' table, on static binarisation."
    )
    return "\n".join([*lines, "", anchors, "", *notes])


def reproduced() -> dict[str, tuple[Experiment, dict[str, list[Measured]], list[dict[str, Any]]]]:
    """By the name of its file: each table of the papers that has rows, what was measured, and the rows."""
    tables = {}
    for name, experiment in EXPERIMENTS.items():
        for file in sorted(RESULTS.glob(f"{name}-*.json")):
            order = [recipe.label for recipe in experiment.recipes]
            found = sorted(read(file.stem).values(), key=lambda row: order.index(row["label"]))
            rows: dict[str, list[Measured]] = {}
            for row in found:
                numbers = tuple(Number(**number) for number in row["numbers"])
                rows.setdefault(row["label"], []).append(Measured(row["seed"], row["images"], numbers))
            tables[file.stem] = (experiment.on(found[0]["data"]), rows, found)
    return tables


def origin(name: str, rows: list[dict[str, Any]]) -> str:
    """Under a reproduced table: command, data, machine, date."""
    machines = where(rows, "label")
    dates = sorted({row["date"] for row in rows})
    remarks = sorted({row["note"] for row in rows if row["note"]})
    clauses = dict.fromkeys(clause for note in remarks for clause in note.rstrip(".").split("; "))
    notes = "; ".join(clauses)
    notes = f"{notes[0].upper()}{notes[1:]}." if notes else ""
    command = re.sub(r" --(only|seed) ('[^']*'|\S+)", "", rows[0]["commands"][0])
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    peaks = [row["peak_mb"] for row in rows if row.get("peak_mb")]
    memory = f" A training took at most {max(peaks):,.0f} MB of memory." if peaks else ""
    fits = [row["closing"] for row in rows if (row.get("closing") or 0) > 1]
    if fits:
        memory += f" Fits of priors after training took up to {max(fits):.0f} seconds on top."
    if rows[0]["minutes"] and len({row["processor"] for row in rows}) > 1:
        memory += " Rows of different machines did not have equal compute, though equal minutes."
    told = f"`{command}` on {rows[0]['data']}, {machines}, {when}, torch {rows[0]['versions']['torch']}."
    return f"{told}{memory} {notes}".strip()


def page() -> str:
    """All reproduced tables."""
    parts = [text for text in (INTRODUCTION, likelihood()) if text]
    for name, (experiment, rows, found) in reproduced().items():
        shown = "".join(f"![{text}](images/{file})\n\n" for file, text in PICTURES.get(name, {}).items())
        parts.append(f"#{markdown(experiment, rows)}\n{sections.curves(found)}{shown}{origin(name, found)}")
    parts += [text for text in (choices.others(), *sections.all_sections()) if text]
    return "\n\n".join(parts) + "\n"


def results_of(model: str) -> str:
    """What a model's page says: its rows of the papers' tables."""
    parts = []
    for name, (experiment, rows, found) in reproduced().items():
        mine = {recipe.label for recipe in experiment.recipes if recipe.model == model}
        if chosen := {label: runs for label, runs in rows.items() if label in mine}:
            title = f"**{experiment.title}** ([all rows and notes](../results.md))"
            text = re.sub(r" \[\d+\]", "", table(experiment, chosen))
            parts.append(f"{title}\n\n{text}\n\n{origin(name, found)}")
    asked = [row for row in read("conditional").values() if row["model"] == model]
    if text := sections.of_a_class(asked, "../images"):
        parts.append(f"**Samples of a class** ([all models](../results.md))\n\n{text}")
    return "\n\n".join(parts) or "Results are not measured yet."


def put(path: Path, marker: str, text: str, check: bool) -> bool:
    """Put `text` between a file's markers; returns whether it was there already."""
    old = path.read_text(encoding="utf-8")
    begin, end = f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"
    head, rest = old.split(begin, 1)
    tail = rest.split(end, 1)[1]
    new = f"{head}{begin}\n{text}\n{end}{tail}"
    if new != old and not check:
        path.write_text(new, encoding="utf-8")
    return new == old


def main() -> None:
    """Fill, or check, every table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--check", action="store_true", help="change nothing; exit with 1 if a table is out of date"
    )
    check = parser.parse_args().check
    same = [put(README, "results", headline(), check)]
    same += [put(file, "results", results_of(file.stem), check) for file in sorted(MODELS.glob("*.md"))]
    same.append(
        put(MODELS / "gvae.md", "ablation", f"{choices.ablation()}\n\n{choices.chosen()}".strip(), check)
    )
    same.append(put(MODELS / "gvae.md", "contrast", choices.contrast(), check))
    same.append(PAGE.exists() and PAGE.read_text(encoding="utf-8") == page())
    if not check:
        PAGE.write_text(page(), encoding="utf-8")
    same += [put(LATENT, "edits", explored.edits(), check)]
    same += [put(CHOOSING, "gains", gains.gains(), check)]
    same += [put(PRIORS, "fits", choices.priors(), check)]
    same += [put(DATA, "measured", readers.measured(), check)]
    same += [put(EXPLORER, "latency", explored.explorer(), check)]
    if (RESULTS / "engine.json").exists():
        same.append(put(README, "engine", engine(), check))
    if check and not all(same):
        sys.exit("tables are out of date: python benchmarks/tables.py")


if __name__ == "__main__":
    main()
