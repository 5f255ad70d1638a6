"""gvae sample RUN: draw new images. Inputs the run folder and nothing else."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from gvae.commands.parsing import REQUIRED, WORD, parse
from gvae.conditions import attribute_row, label_index
from gvae.errors import GvaeError
from gvae.ranges import Drawn, Seed
from gvae.runs import Run


@dataclass(frozen=True)
class Sample:
    """Draw new images from a run; no data set is needed."""

    run: Annotated[Path, WORD] = REQUIRED
    """run folder"""
    n: Annotated[Drawn, "-n"] = 64
    """number of images"""
    label: str | None = None
    """class of all of them, by name or number; conditional models only"""
    attributes: str | None = None
    """attributes that all of them have, between commas, and no others; models conditional on attributes only"""
    prior: str | None = None
    """prior to draw codes from: normal, or the one that the run has learned"""
    seed: Seed = 0
    """same seed, same images"""
    weights: Literal["last", "best"] = "last"
    """last: those at the end of training; best: those with the best score on validation images while it lasted"""
    out: Path | None = None
    """a .png file for one grid, a .nii.gz file for one volume, or a folder for one file per image; RUN-samples.png
    if not given"""


def run(words: list[str]) -> None:
    """Sample as the command line says."""
    args = parse(Sample(), words, "gvae sample")
    opened = Run.open(args.run).using(args.weights)
    label_index(opened, args.label)
    attribute_row(opened, args.attributes)  # a slip ends it before torch is there
    from gvae.loaded import load

    loaded = load(opened)
    images = loaded.sample(args.n, prior=args.prior, seed=args.seed, label=args.label, attributes=args.attributes)
    saved = save(images, args.out or Path(f"{opened.path.resolve().name}-samples.png"), opened)
    print(f"{saved}, drawn with {which(opened)}")
    own = opened.model_config.get("prior")
    if not loaded.prior_fitted and args.prior in (None, own):
        print(
            f"Note: the {own} prior is not fitted yet, which the end of the training does, so the codes are of N(0, I); "
            f"`{shlex.join(['gvae', 'resume', str(opened.path)])}` ends it"
        )


def which(opened: Run) -> str:
    """The weights in use, and the others where those scored better."""
    scores = opened.scores()
    if not scores:
        return "the last weights"
    best = min(scores, key=lambda images: scores[images])
    text = f"score {scores[best]:.3g} at {best:,} training images"
    if opened.chosen == "best":
        return f"the best weights ({text})"
    last = max(scores)
    better = f"; --weights best takes those of {text}" if best != last else ""
    return f"the last weights (score {scores[last]:.3g}{better})"


def save(images: Any, out: Path, opened: Run) -> str:
    """Write one grid to a picture file, one volume to a NIfTI file, or each image to a file of its own in a folder.

    Args:
        images: tensor (n, C, *S) in [-1, 1].

    Returns:
        what was written.

    Raises:
        GvaeError: several volumes for one NIfTI file, or the file cannot be written.
    """
    from gvae.data.ct.saving import ENDINGS, save_volume
    from gvae.plots import grids
    from gvae.plots.sheets import sheet

    if out.name.endswith(ENDINGS):
        if len(images) != 1:
            raise GvaeError(f"{out} holds one volume, not {len(images)}; add -n 1, or give a folder as --out")
        save_volume(out, images, opened.spec, spacing(opened))
    elif out.suffix and not out.is_dir():
        one = images.ndim == 5 and len(images) == 1
        grids.save(sheet(images, spacing(opened)) if one else grids.grid(images), out)
    else:
        return save_each(images, out, opened)
    return f"{len(images)} image{'s' * (len(images) > 1)} in {out}"


def spacing(opened: Run) -> tuple[float, float, float]:
    """Millimetres between the voxels that a run was trained on; 1 where its data does not say."""
    known = opened.about.get("data", {}).get("spacing_mm", ())
    return tuple(known) if len(known) == 3 else (1.0, 1.0, 1.0)  # pyright: ignore[reportReturnType]


def save_each(images: Any, folder: Path, opened: Run) -> str:
    """One file per image, numbered: .png for pictures, .nii.gz for volumes of one channel, .npy for others.

    Raises:
        GvaeError: the folder cannot be written.
    """
    from gvae.data.ct.saving import save_volume
    from gvae.plots.grids import to_uint8

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for index in range(len(images)):
            image, path = images[index : index + 1], folder / f"{index:06d}"
            if image.ndim == 5 and image.shape[1] == 1:
                save_volume(path.with_suffix(".nii.gz"), image, opened.spec, spacing(opened))
            else:
                save_one(to_uint8(image)[0], path)
    except OSError as error:
        raise GvaeError(f"could not write to {folder}: {error}; free some space or choose another --out") from error
    return f"{len(images)} files in {folder}"


def save_one(array: Any, path: Path) -> None:
    """One picture (H, W, C) as .png, or one volume (D, H, W, C) as .npy; uint8."""
    import numpy as np
    from PIL import Image

    if array.ndim == 4:
        np.save(path.with_suffix(".npy"), array)
    else:
        gray = array.shape[-1] == 1
        Image.fromarray(array[..., 0] if gray else array).save(path.with_suffix(".png"))
