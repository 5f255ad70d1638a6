"""Downloads the official files of a named data set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gvae.data.files.download import Files, download
from gvae.data.files.paths import default_root
from gvae.data.open import load_object
from gvae.data.registry import DATASETS
from gvae.errors import GvaeError, choose


def fetch(name: str, root: Path | str | None = None, mirrors: Sequence[str] | None = None) -> list[Path]:
    """Download a named data set; files that are there already and right are kept.

    Args:
        name: a data set (see `DATASETS`).
        root: where the files go, so that `open_data` finds them; default: GVAE_DATA, else the user's cache.
        mirrors: addresses to try in place of the official ones.

    Returns:
        the files.

    Raises:
        GvaeError: unknown name, nothing to fetch, no mirror answers, or wrong checksums everywhere.
    """
    source = DATASETS[choose("data set", name, DATASETS)]
    if not source.files:
        raise GvaeError(f"there is nothing to fetch for {name}: {source.about}")
    place = default_root() if root is None else Path(root).expanduser()
    what = load_object(source.files)
    return download(what, place, mirrors) if isinstance(what, Files) else what(place, mirrors)
