"""Write the tables of README and docs from the committed rows.

    python -m benchmarks.tables            # --check: only say what is out of date

Text between `<!-- NAME:begin -->` and `<!-- NAME:end -->` is replaced; docs/results.md is written whole.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.rows import ROOT
from benchmarks.tables import data, edits, explorer, gains, gvae, intervals, papers, speed, studies
from gvae.models import MODELS

INTRODUCTION = """# Results

Each model was trained and measured with the command below its table. "Paper" columns hold what the papers print.
`python -m benchmarks.tables` writes this page from the rows in `benchmarks/results`.

- Frechet distance and coverage use the features of a small classifier of each data set. They cannot be compared with numbers
  that use Inception features.
- Lower is better for distances and errors, higher for coverage. The best MS-SSIM is the real images' own, which differs
  between training and test split ([MS-SSIM](metrics/ms-ssim.md)).
- gvae's options come from {trials} short trainings, measured on the validation splits of MNIST and Fashion-MNIST; each other
  model's from ten at most, on MNIST's. gvae's recipe changed six times after the test split had been seen
  ([research notes](research/gvae.md)).
- All rows were measured at commit b5c91c8 or before, with gvae 0.1.0. What has been mended since and is not measured anew:
  `gvae, paper` and the table "Latent size" (`--weight` was 0.2, is 0.02: [note](research/paper-preset.md)); `vae-vgp` and
  `draw-vgp` (f is integrated out now: [note](research/draw-and-vgp.md)); `avb` (learning rates were 3e-4 and 6e-4, are 1e-3
  and 2e-3); `wgan` (the critic had no normalisation: [note](research/wgan.md)); `kd` (of subsets then, of all pairs now);
  the ± of `ms-ssim` in rows of one seed (too narrow then).
- Samples of mixtures measured up to 28 November 2026 were drawn at a temperature of 0.95; later ones with `denoise`
  ([priors](models/priors.md))."""


@dataclass(frozen=True)
class Place:
    """Where a text belongs."""

    path: Path
    """from the root of the repository"""
    marker: str
    """between which lines; empty: the whole file"""
    text: Callable[[], str]

    @property
    def name(self) -> str:
        """What a message calls it."""
        return f"{self.path} ({self.marker})" if self.marker else str(self.path)

    def fault(self, root: Path) -> str:
        """Why the text cannot be put there; empty if it can."""
        if not self.marker:
            return ""
        if not (root / self.path).exists():
            return f"{self.path} is missing; its {self.marker} table needs it"
        text = (root / self.path).read_text(encoding="utf-8")
        if [text.count(line) for line in lines(self.marker)] == [1, 1]:
            return ""
        return f"{self.path} needs once, where its table belongs, the lines {' and '.join(lines(self.marker))}"

    def put(self, root: Path, check: bool) -> bool:
        """Put the text there unless `check`; returns whether it was there already."""
        file = root / self.path
        old = file.read_text(encoding="utf-8") if file.exists() else ""
        new = between(old, self.marker, self.text()) if self.marker else self.text()
        if new != old and not check:
            file.write_text(new, encoding="utf-8")
        return new == old


def lines(marker: str) -> tuple[str, str]:
    """The lines that a table stands between."""
    return f"<!-- {marker}:begin -->", f"<!-- {marker}:end -->"


def between(old: str, marker: str, text: str) -> str:
    """A file's text with another table between its markers.

    >>> between("a\\n<!-- x:begin -->\\nold\\n<!-- x:end -->\\nb", "x", "new")
    'a\\n<!-- x:begin -->\\nnew\\n<!-- x:end -->\\nb'
    """
    begin, end = lines(marker)
    head, rest = old.split(begin)
    return f"{head}{begin}\n{text}\n{end}{rest.split(end)[1]}"


def page() -> str:
    """docs/results.md."""
    parts = [
        INTRODUCTION.format(trials=gvae.tried()),
        *papers.sections(),
        papers.likelihood(),
        gvae.others(),
        speed.step(),
        speed.engine(),
        speed.weighing(),
        studies.collapse(),
        studies.conditional(),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def ablation() -> str:
    """gvae's components on and off, and the trials before them."""
    return "\n\n".join(part for part in (gvae.ablation(), gvae.chosen()) if part)


def results_of(model: str) -> Callable[[], str]:
    """The text of a model's page."""
    return lambda: papers.results_of(model)


def places() -> list[Place]:
    """Every table of the documents."""
    docs = Path("docs")
    fixed = [
        Place(Path("README.md"), "headline", papers.headline),
        Place(docs / "results.md", "", page),
        Place(docs / "research" / "gvae.md", "ablation", ablation),
        Place(docs / "research" / "gvae.md", "contrast", studies.contrast),
        Place(docs / "how-to" / "choosing-a-model.md", "gains", gains.gains),
        Place(docs / "how-to" / "edit-and-morph.md", "edits", edits.edits),
        Place(docs / "how-to" / "explorer.md", "latency", explorer.latency),
        Place(docs / "data" / "index.md", "measured", data.measured),
        Place(docs / "models" / "priors.md", "fits", studies.fits),
        Place(docs / "metrics" / "index.md", "intervals", intervals.intervals),
    ]
    return [*fixed, *(Place(docs / "models" / f"{name}.md", "results", results_of(name)) for name in MODELS)]


def main() -> None:
    """Fill, or check, every table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument(
        "--check", action="store_true", help="change nothing; say what is out of date and exit with 1 if anything is"
    )
    check = options.parse_args().check
    if faults := [fault for place in places() if (fault := place.fault(ROOT))]:
        sys.exit("\n".join(faults))
    stale = [place.name for place in places() if not place.put(ROOT, check)]
    if check and stale:
        sys.exit("\n".join([*(f"{name} is out of date" for name in stale), "write them: python -m benchmarks.tables"]))
    for name in stale:
        print(f"{name}: written")


if __name__ == "__main__":
    main()
