"""Every source in GVAE_DATA: looked at, trained on for two minutes, and drawn.

    GVAE_DATA=DATA python -m benchmarks.data.sources                  # whatever has no row yet; an hour for all
    GVAE_DATA=DATA python -m benchmarks.data.sources --only celeba-64

A row of results/sources.json holds what `gvae data inspect` counts and how fast `gvae train` reads; docs/images/sources
shows data, reconstructions and samples of those whose licence lets their images be passed on; the others' sheets stay in
their run folders. Two minutes make no good model: the pictures show that values, colours and orientation arrive as they
should.
"""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image

from benchmarks.rows import IMAGES, Row, environment, once
from benchmarks.runs import gvae, trained
from benchmarks.script import parser
from gvae.data import open_data
from gvae.data.prepared.inspect import contact_sheet, inspect
from gvae.plots.grids import save
from gvae.plots.panels import panels
from gvae.runs import Run

PICTURES = IMAGES / "sources"


@dataclass(frozen=True)
class Case:
    """One source as it is trained on."""

    data: str
    """NAME or NAME:PATH, the path below GVAE_DATA"""
    options: str = ""
    """how it is read"""
    training: str = ""
    """options of `gvae train gvae`"""
    free: bool = False
    """whether the licence lets its images be shown here"""
    files: tuple[str, ...] = ()
    """files below GVAE_DATA that make up PATH: they are copied into one folder"""


CASES = {
    "digits": Case("digits", free=True),
    "mnist": Case("mnist", free=True),
    "fashion-mnist": Case("fashion-mnist", free=True),
    "cifar10": Case("cifar10"),
    "char74k-fnt": Case("char74k:char74k/English/Fnt"),
    "char74k-img": Case("char74k:char74k/English/Img", "--size 64"),
    "celeba-64": Case("celeba:celeba/half_89x109", "--size 64"),
    "celeba-128": Case("celeba:celeba/full_178x218", "--size 128", "--batch 8 --net.width 16"),
    "celeba-hq-1024": Case("celeba-hq:celeba_hq/1024", "--size 1024", "--batch 2 --net.width 4 --latent 64"),
    "celeba-hq-512": Case("celeba-hq:celeba_hq/512_with_masks", "--size 512", "--batch 4 --net.width 8"),
    "ffhq-128": Case("ffhq", "--size 128", "--batch 8 --net.width 16"),
    "lsun-lmdb-64": Case("lsun:lsun_bedroom_subset/bedroom_train_lmdb", "--size 64"),
    "lsun-jpeg-256": Case("lsun:lsun_bedroom_subset/bedroom_jpg", "--size 256", "--batch 4 --net.width 8"),
    "ct-dicom-slices": Case("ct:ct_3dircadb01_17/PATIENT_DICOM.zip", "--size 64"),
    "ct-nifti-slices": Case("ct:ct_totalsegmentator_example/example_ct.nii.gz", "--size 64", free=True),
    "ct-blocks-64": Case(
        "ct:three-volumes",
        "--form volumes --block 64 --spacing 1.5",
        "--batch 2 --net.width 8 --lr 2e-4 --critic-lr 1e-4",
        files=(
            "ct_3dircadb01_17/PATIENT_DICOM.zip",
            "ct_totalsegmentator_example/example_ct.nii.gz",
            "ct_totalsegmentator_example/example_ct_sm.nii.gz",
        ),
    ),
    "pancreas-ct": Case("pancreas-ct:tcia_pancreas_ct_crops", free=True),
}


def main() -> None:
    """Look, train and draw whatever has no row yet."""
    options = parser(__doc__)
    options.add_argument("--only", nargs="*", choices=list(CASES), default=list(CASES))
    options.add_argument("--minutes", type=float, default=2)
    options.add_argument("--runs", type=Path, default=Path("runs/sources"))
    o = options.parse_args()
    if "GVAE_DATA" not in os.environ:
        raise SystemExit("GVAE_DATA must name the folder of the sources; see CASES for what it holds")
    for name in o.only:
        once("sources", name, partial(measure, name, CASES[name], o.minutes, o.runs / name, o.note))


def measure(name: str, case: Case, minutes: float, out: Path, note: str) -> Row:
    """One source: its numbers, its training, its picture."""
    source, _, place = case.data.partition(":")
    root = Path(os.environ["GVAE_DATA"])
    folder = gathered(case.files, out.with_name(place)) if case.files else root / place
    data = f"{source}:{folder}" if place else source
    prepared = out.with_name(f"{name}-prepared")
    if not prepared.exists():
        gvae(f"gvae data prepare {shlex.quote(data)} {case.options} --out {prepared}")
    dataset = open_data(str(prepared))
    about = inspect(dataset)
    trained(f"gvae train gvae --data {prepared} --minutes {minutes:g} {case.training}", out)
    run = Run.open(out)
    sheet = Image.open(contact_sheet(dataset, out / "data.png"))
    rebuilt = Image.open(sorted((out / "reconstructions").glob("*.png"))[-1])
    pictures = {"data": sheet, "data above reconstructions": rebuilt, "samples": Image.open(run.final)}
    PICTURES.mkdir(parents=True, exist_ok=True)
    save(panels(pictures, columns=3), (PICTURES / f"{name}.png") if case.free else out / "sheet.png")
    last = run.timing_rows()[-1]
    return {
        "data": case.data,
        "commands": [f"gvae data prepare {case.data} {case.options}", f"gvae train gvae {case.training}"],
        "note": note,
        "minutes": minutes,
        **{key: about[key] for key in ("images", "splits", "channels", "shape", "stored", "network")},
        "conditions": len(dataset.spec.conditions),
        "images_seen": last["images"],
        "training_images_per_second": last["images"] / last["seconds"],
        "environment": environment(),
        **{key: run.about[key] for key in ("processor", "versions", "date")},
    }


def gathered(files: tuple[str, ...], folder: Path) -> Path:
    """Copies of some files in one folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in files:
        shutil.copy(Path(os.environ["GVAE_DATA"]) / file, folder)
    return folder


if __name__ == "__main__":
    main()
