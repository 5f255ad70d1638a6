"""How scans become images: the options of CT data, checked, and the cut that they ask for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gvae.data.ct import crops as cuts
from gvae.data.ct.crops import Cut
from gvae.data.ct.scans import Scan
from gvae.data.ct.volumes import Volume
from gvae.data.options import ReadOptions
from gvae.errors import GvaeError, choose

FORMS = ("slices", "volumes")
WINDOW = (40.0, 400.0)
"""centre and width in HU: soft tissue of the abdomen"""
BLOCK, CROP = 64, 128
"""side of a block in voxels, and of a slice's crop around an organ in pixels, if none is given"""


@dataclass(frozen=True)
class Form:
    """How scans become images; the options of `open_ct`, checked."""

    form: str
    size: int | None
    block: int
    spacing: float | None
    window: tuple[float, float]
    organ: str | None

    @classmethod
    def checked(cls, options: ReadOptions) -> Form:
        """The options, if they make sense together.

        Raises:
            GvaeError: they do not.
        """
        form, size, block, spacing = options.form or "slices", options.size, options.block, options.spacing
        choose("form of CT data", form, FORMS)
        if form == "slices" and block is not None:
            raise GvaeError(f"a block of {block} voxels is for volumes; add --form volumes, or give --size")
        if form == "volumes" and None not in (size, block) and size != block:
            raise GvaeError(f"--size {size} and --block {block} differ; for volumes give --block alone")
        side = block or size
        centre, width = options.window or WINDOW
        return cls(form, size, side or BLOCK, spacing, (float(centre), float(width)), options.organ)

    def cut(self, scan: Scan, volume: Volume, mask: np.ndarray | None) -> Cut:
        """The images of a scan."""
        if self.form == "slices":
            if mask is None:
                return cuts.slices(volume, self.size, self.spacing)
            return cuts.organ_slices(volume, mask, self.size or CROP, self.spacing)
        if mask is None:
            return cuts.blocks(volume, self.block, self.spacing, scan.path)
        return cuts.organ_block(volume, mask, self.block, self.spacing)

    @property
    def range(self) -> tuple[float, float]:
        """HU that networks see as -1 and +1.

        >>> Form.checked(ReadOptions()).range
        (-160.0, 240.0)
        """
        centre, width = self.window
        return centre - width / 2, centre + width / 2
