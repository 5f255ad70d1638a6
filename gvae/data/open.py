"""Opening and preparing: a name, a path or a function of outside code becomes a `Dataset`. No torch, no numpy until then."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from difflib import get_close_matches
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gvae.data.files.paths import existing, folders, nearest
from gvae.data.options import OPTIONS, ReadOptions, given
from gvae.data.registry import DATASETS, PREPARED, Source
from gvae.errors import GvaeError, choose
from gvae.imports import load_object

if TYPE_CHECKING:
    from gvae.data.dataset import Dataset
    from gvae.runs import Run


def open_data(source: str, root: Path | str | None = None, **options: Any) -> Dataset:
    """Open a data set.

    Args:
        source: a name (see `DATASETS`), NAME:PATH, a prepared folder, a folder of images,
            or package.module:function.
        root: where named sources are looked for; default: GVAE_DATA, else the user's cache.
        options: any of `ReadOptions`, such as size=64; those that the source understands. They are kept in
            the facts, under "options".

    Raises:
        GvaeError: no such data set or option (with the nearest name), missing or damaged files, an option that
            does not apply.

    >>> data = open_data("digits")
    >>> len(data), data.spec.shape, {name: len(part) for name, part in data.splits.items()}
    (1797, (8, 8), {'train': 1439, 'val': 179, 'test': 179})
    """
    found, place = _find(source, root)
    dataset = _open(found, place, given(options))
    return dataclasses.replace(dataset, opened_as=source)


def prepare(source: str, out: Path | str, root: Path | str | None = None, **options: Any) -> Dataset:
    """Write the prepared form of a data set to the folder `out` and return it memory-mapped.

    Files of images are decoded on all cores into OUT.partial: the data may be larger than memory, and a call that
    was killed goes on when it is made again (see `gvae.data.prepared.pipeline`).

    Args:
        source, root, options: as in `open_data`.

    Raises:
        GvaeError: whatever `open_data` raises; `out` is not empty, or begun with other options; the disk is full.
    """
    from gvae.data.prepared.pipeline import build

    (found, place), options = _find(source, root), given(options)
    path = Path(source).expanduser()
    asked = {"data": str(path.resolve()) if path.exists() else source, **options}
    return build(Path(out).expanduser().absolute(), asked, lambda scratch: _open(found, place, options, scratch))


def options_of(run: Run, data: str | None = None) -> dict[str, Any]:
    """Options for `open_data` that give images like those a run was trained on.

    The run's own data is read as it was for training; other data is brought to the same size and channels.

    Args:
        run: the run.
        data: data set; None: the run's own.

    Raises:
        GvaeError: no such data set.
    """
    source, _ = _find(data or run.data, None)
    wanted: dict[str, Any] = {}
    if source.name in DATASETS and run.spec.spatial == 2:
        wanted = {"size": run.spec.size, "channels": run.spec.channels}
    elif source.name in DATASETS:
        wanted = {"form": "volumes", "block": run.spec.size}
    if data in (None, run.data):
        about = run.about.get("data", {})
        wanted |= {"skip_broken": bool(about.get("skipped")), **about.get("options", {})}
    return given({name: value for name, value in wanted.items() if name in source.options})


def _find(source: str, root: Path | str | None) -> tuple[Source, Path | None]:
    """The source that is meant, and where its files are looked for."""
    name, _, place = source.partition(":")
    path = Path(source).expanduser()
    if name in DATASETS:
        within = place or root
        return DATASETS[name], Path(within).expanduser() if within else None
    if (path / "dataset.json").exists():
        return PREPARED, path
    if path.exists():
        return DATASETS["folder"], existing(path)
    if place and (name.replace(".", "").isidentifier() or name.endswith(".py")):
        about = Source(source, source, "not known to gvae", "", source, _understood(load_object(source)))
        return about, None if root is None else Path(root).expanduser()
    raise _unknown(source)


def _understood(function: Callable[..., Dataset]) -> tuple[str, ...]:
    """The options that outside code has arguments for; all, if it takes them as one `ReadOptions`."""
    names = set(signature(function).parameters)
    names |= set(OPTIONS) if "options" in names else set()
    return tuple(name for name in (*OPTIONS, "scratch") if name in names)


def _open(source: Source, root: Path | None, options: dict[str, Any], scratch: Path | None = None) -> Dataset:
    """Call the source's function and put what is known about it into the facts."""
    from gvae.data.arrays.on_demand import OnDemand
    from gvae.data.files.checksums import gib, of_arrays

    wrong = [name for name in options if name not in source.options]
    if wrong:
        raise GvaeError(
            f"option {wrong[0]} does not apply to {source.name} data, which takes "
            f"{', '.join(name for name in source.options if name in OPTIONS) or 'none'}; leave it out"
        )
    function = load_object(source.open) if isinstance(source.open, str) else source.open
    words = {"options": ReadOptions(**options)} if "options" in signature(function).parameters else options
    place = {"scratch": scratch} if scratch and "scratch" in source.options else {}
    dataset = function(root, **words, **place)
    known = {"source": source.about, "licence": source.licence, "citation": source.citation}
    facts = {**known, **dataset.facts, "options": options}
    if "checksum" not in facts:  # outside code need not think of it
        arrays = dataset.images, dataset.labels, dataset.attributes
        facts["checksum"] = of_arrays(*(array for array in arrays if array is not None))
    if isinstance(dataset.images, OnDemand):
        told = (
            f"decoded, the images take {gib(dataset.images.nbytes)}, more than half of this machine's memory, so each is "
            "decoded whenever it is used; `gvae data prepare` decodes them once, into a file"
        )
        facts["notes"] = [*facts.get("notes", []), told]
    return dataclasses.replace(dataset, facts=facts)


def _unknown(source: str) -> GvaeError:
    """The error for a source that is neither a name nor a path."""
    name = source.partition(":")[0]
    slip = get_close_matches(name, folders(Path.cwd()), 1, 0.6) and not get_close_matches(name, DATASETS, 1, 0.5)
    if slip or len(Path(source).parts) > 1:
        return GvaeError(f"there is no data set or folder {source}{nearest(Path(source).expanduser())}")
    try:
        choose("data set", name, DATASETS)
    except GvaeError as error:
        return GvaeError(f"{error}; or give the path of a folder of images")
    return GvaeError(f"there is no data set {source}")
