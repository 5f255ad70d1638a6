"""Building blocks of the HTML page: pictures, protocols, and how a run came about. All text is escaped."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

from gvae.config import to_json
from gvae.errors import GvaeError
from gvae.fields import flat
from gvae.runs import Run

LARGEST = 1200
"""pixels; wider pictures are reduced, so that the page stays small"""


def samples(run: Run) -> Path | None:
    """The last sample grid of a run; None if there is none yet."""
    final = run.final
    return final if final.exists() else _last(run.samples(0).parent)


def reconstructions(run: Run) -> Path | None:
    """The last grid of originals above reconstructions; None for a model without an encoder."""
    return _last(run.reconstructions(0).parent)


def pictures(named: Sequence[tuple[str, Path | None]]) -> str:
    """Pictures side by side, each under its name; those without a file are left out."""
    figures = "\n".join(
        f'<figure><figcaption>{name}</figcaption><img alt="{name}" src="{inline(path)}"></figure>'
        for name, path in ((escape(name), path) for name, path in named)
        if path is not None
    )
    return f'<div class="pictures">{figures}</div>' if figures else '<p class="quiet">There are none.</p>'


def inline(path: Path) -> str:
    """A picture as a PNG data address, at most `LARGEST` pixels wide.

    Raises:
        GvaeError: the picture cannot be read.
    """
    try:
        with Image.open(path) as picture:
            picture.load()
            if picture.width > LARGEST:
                picture = picture.reduce(-(-picture.width // LARGEST))
            file = io.BytesIO()
            picture.save(file, "PNG", optimize=True)
    except OSError as error:
        raise GvaeError(f"{path} cannot be read as a picture ({error}); delete it and make the report again") from error
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")


def protocols(of: Mapping[str, dict[str, Any]]) -> str:
    """A folded list of how each number was measured."""
    blocks = "\n".join(f"<h3>{escape(name)}</h3>{facts(protocol)}" for name, protocol in of.items())
    return f"<details><summary>How each number was measured</summary>{blocks}</details>"


def how(run: Run) -> str:
    """Command, folder and hardware of a run, and a folded list of all options."""
    about = dict(run.about)
    command = about.pop("command", None) or about.pop("command_line", None)
    typed = " ".join(command) if isinstance(command, list) else command
    line = f"<pre>{escape(str(typed))}</pre>" if typed else ""
    options = {"model": run.model, "data": run.data, "options": run.model_config, "train": to_json(run.train)}
    return (
        f"{line}{facts({'folder': run.path.name, 'seed': run.train.seed} | about)}"
        f"<details><summary>All options</summary>{facts(options | {'spec': run.spec.to_json()})}</details>"
    )


def facts(tree: Mapping[str, Any]) -> str:
    """A nested dict as a definition list with dotted names."""
    lines = "".join(f"<dt>{escape(name)}</dt><dd>{escape(_text(value))}</dd>" for name, value in flat(tree).items())
    return f"<dl>{lines}</dl>"


def _text(value: Any) -> str:
    """A value as people read it: lists without brackets."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _last(folder: Path) -> Path | None:
    """The last picture of a folder by name, which is by images seen."""
    return max(folder.glob("*.png"), default=None)
