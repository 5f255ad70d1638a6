"""How a data set is read: each option once, for `open_data`, the command line and the run that reads again."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from annotated_types import Interval

from gvae.config import check
from gvae.errors import choose

Side = Annotated[int, Interval(ge=4, le=65_535)]
"""pixels or voxels of a side: below 4 networks have nothing to reduce, above no image file goes"""
Centre = Annotated[float, Interval(ge=-100_000, le=100_000)]
Width = Annotated[float, Interval(gt=0, le=100_000)]
"""HU of a window: the files hold 16 bits"""


@dataclass(frozen=True)
class ReadOptions:
    """How images become an array; which of these a source understands, its entry in `DATASETS` says.

    >>> ReadOptions(size=64).given()
    {'size': 64}
    """

    size: Side | None = None
    """side in pixels of the square images; the images' own or the source's usual one if not given"""
    fit: Literal["crop", "pad", "stretch"] | None = None
    """how an image becomes square: cut to the middle, black added, or distorted; crop if not given"""
    channels: Literal[1, 3] | None = None
    """1 for gray, 3 for colour; what the files have if not given"""
    crop: Side | None = None
    """faces: side in pixels of the square cut from the middle of each image before it is scaled"""
    image_column: str | None = None
    """hub, wds: the column, or the file's ending, that holds the images; needed where there are several"""
    label_column: str | None = None
    """hub, wds: the column, or the entry of the .json, that holds the class; needed where there are several"""
    skip_broken: bool = False
    """leave out unreadable files and list them, in place of refusing the data"""
    form: Literal["slices", "volumes"] | None = None
    """CT: axial slices, or blocks of volume; slices if not given"""
    block: Side | None = None
    """CT: side of the blocks in voxels"""
    spacing: Annotated[float, Interval(gt=0, le=1_000)] | None = None
    """CT: distance of voxels in mm that scans are resampled to; their own if not given"""
    window: tuple[Centre, Width] | None = None
    """CT: centre and width in HU of what networks see, as 40,400; the abdomen's 40,400 if not given"""
    organ: str | None = None
    """CT: crops around this label, as liver, in place of whole scans"""

    def given(self) -> dict[str, Any]:
        """The options that were set."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(ReadOptions)}
        return {name: value for name, value in values.items() if value is not None and value is not False}

    def otherwise(self, **usual: Any) -> ReadOptions:
        """The same, with a source's usual values where none was given.

        >>> ReadOptions(size=32).otherwise(size=64, channels=3).given()
        {'size': 32, 'channels': 3}
        """
        return replace(self, **{name: value for name, value in usual.items() if getattr(self, name) is None})


PLAIN = ReadOptions()
"""no option given"""
OPTIONS = tuple(field.name for field in dataclasses.fields(ReadOptions))
"""names of all options"""


def given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options among these that are set; lists, as JSON has them, are tuples again.

    Raises:
        GvaeError: no option has that name (with the nearest), or a value is out of range.

    >>> given({"size": 64, "fit": None, "window": [40, 400]})
    {'size': 64, 'window': (40, 400)}
    """
    values: dict[str, Any] = {
        choose("option of data called", name, OPTIONS): tuple(value) if isinstance(value, list) else value
        for name, value in options.items()
    }
    return check(ReadOptions(**values)).given()
