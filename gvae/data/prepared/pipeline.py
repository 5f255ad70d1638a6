"""Preparing a data set: work that survives a kill, and a result that is whole or absent.

Everything happens in OUT.partial. The first call notes there what was asked for; images are decoded into images.npy
beside a journal (see `gvae.data.arrays.rows`). A call with the same words goes on; other words are refused. The finished
folder grows in OUT.partial/set and is renamed to OUT in one step. Its bytes depend on the source and the options only,
not on the number of cores, nor on how often the work was stopped.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from gvae.atomic import write_text
from gvae.data.dataset import Dataset
from gvae.data.files.checksums import read_note
from gvae.data.prepared.store import check_free, fill, not_written, read_prepared
from gvae.errors import GvaeError
from gvae.version import __version__


def build(out: Path, asked: dict[str, Any], read: Callable[[Path], Dataset]) -> Dataset:
    """Make the prepared form.

    Args:
        out: folder that does not exist yet or is empty.
        asked: source and options; a call that goes on must ask for the same, but may skip broken files.
        read: gives the data set; called with an .npy file into which it may decode the images.

    Returns:
        the data set, mapped from `out`.

    Raises:
        GvaeError: `out` is taken; OUT.partial is of another call or in use; whatever `read` raises; a full disk.
    """
    check_free(out)
    work = out.with_name(f"{out.name}.partial")
    with claim(work, {**asked, "skip_broken": None, "gvae": __version__}):
        scratch, whole = work / "images.npy", work / "set"
        dataset = read(scratch)
        facts = {key: value for key, value in dataset.facts.items() if key != "options"} | {"prepared": asked}
        try:
            fill(whole, replace(dataset, facts=facts), scratch)
            os.replace(whole, out)
        except OSError as error:
            raise not_written(out, dataset.images.nbytes, error) from error
    return read_prepared(out)


@contextmanager
def claim(work: Path, asked: dict[str, Any]) -> Iterator[None]:
    """Own OUT.partial for a while; afterwards it is gone, unless work was stopped that can go on.

    Raises:
        GvaeError: it is of another call or in use, or cannot be made.
    """
    foreign = not (work / "call.json").exists() and work.is_dir() and {path.name for path in work.iterdir()}
    if foreign and not all(name == "lock" or name.startswith(".call.json.") for name in foreign):
        raise GvaeError(f"{work} holds something else; move it away or choose another --out")
    try:
        work.mkdir(exist_ok=True)
        lock = (work / "lock").open("w")
    except OSError as error:
        raise GvaeError(f"cannot make the folder {work} ({error}); choose another --out") from error
    with lock:
        _lock(lock.fileno(), work)
        _same_call(work, asked)
        try:
            yield
        except BaseException:
            if not (work / "images.json").exists():  # nothing that is worth going on with
                shutil.rmtree(work, ignore_errors=True)
            raise
        shutil.rmtree(work, ignore_errors=True)


def _lock(handle: int, work: Path) -> None:
    """Keep a second call out while this one works; where the system has no such locks, hope."""
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise GvaeError(f"another call is at work in {work}; wait for it, or choose another --out") from None


def _same_call(work: Path, asked: dict[str, Any]) -> None:
    """Note what is asked for, or compare it with what was asked for before."""
    note, asked = work / "call.json", json.loads(json.dumps(asked))
    if not note.exists():
        return write_text(note, json.dumps(asked) + "\n")
    begun = read_note(note)
    other = [name for name in {**begun, **asked} if begun.get(name) != asked.get(name)]
    if other:
        listed = ", ".join(f"{name} {begun.get(name)} (now {asked.get(name)})" for name in other)
        raise GvaeError(f"{work} was begun with {listed}; ask for the same to go on, or remove {work} to start over")
    return None
