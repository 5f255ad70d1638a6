"""Preparing: killed work goes on to the same bytes, and nothing half-written looks whole."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gvae.cli import main
from gvae.data import open_data, prepare
from gvae.data.arrays import decoding, parallel, rows
from gvae.data.arrays.rows import FileRows
from gvae.data.files import progress
from gvae.data.prepared import store
from gvae.data.prepared.pipeline import claim
from gvae.data.prepared.store import read_prepared
from gvae.errors import GvaeError

KILLED = """
import os, signal, sys
from pathlib import Path
from gvae.data import prepare
from gvae.data.arrays import rows
from gvae.data.prepared import store

rows.FLUSH = 3000
left = int(sys.argv[3])

def deadly(function):
    def call(*words):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*words)
    return call

def torn(self, place, data, whole=rows.FileRows._write):
    global left
    left -= 1
    if left < 0:
        whole(self, place, data[: len(data) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
    whole(self, place, data)

rows.FileRows._write = torn
rows.write_text, store.write_text = deadly(rows.write_text), deadly(store.write_text)
store.checksum, os.replace = deadly(store.checksum), deadly(os.replace)
prepare(sys.argv[1], sys.argv[2], size=16)
print(int(sys.argv[3]) - left)
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Thirty colour photographs in two classes, of which one is cut."""
    random, root = np.random.default_rng(0), tmp_path / "photos"
    for i in range(30):
        folder = root / "ab"[i % 2]
        folder.mkdir(parents=True, exist_ok=True)
        array = random.integers(0, 256, (20, 24 + i, 3), dtype=np.uint8)
        Image.fromarray(array).save(folder / f"{i:02d}.png")
    return root


def cut(file: Path) -> bytes:
    """Leave the first half of a file's bytes; they were whole before."""
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    return whole


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def kill(photos: Path, out: Path, after: int) -> subprocess.CompletedProcess:
    """Prepare in a process of its own that is killed at that write."""
    words = [sys.executable, "-c", KILLED, str(photos), str(out), str(after)]
    return subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)


def test_work_killed_anywhere_goes_on_to_the_same_bytes(photos: Path, tmp_path: Path):
    whole = kill(photos, tmp_path / "whole", 10**6)
    assert whole.returncode == 0, whole.stderr
    events = int(whole.stdout)
    expected = content(tmp_path / "whole")
    for start in (1, 9, 20, events - 6, events - 3, events - 1):
        out = tmp_path / f"set{start}"
        for after in (start, 2):
            assert kill(photos, out, after).returncode == -9
            assert not out.exists()
            assert not (out.with_name(f"{out.name}.partial") / "dataset.json").exists()
        prepare(str(photos), out, size=16)
        assert content(out) == expected
    assert {path.name for path in tmp_path.iterdir() if "partial" in path.name} == set()


def stopped(photos: Path, out: Path, monkeypatch: pytest.MonkeyPatch, after: int = 12, **options) -> None:
    """Prepare until a number of images is safe."""
    save = FileRows._save

    def interrupt(self: FileRows) -> None:
        save(self)
        self._saving.result()
        if self.count >= after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rows, "FLUSH", 3000)
        patch.setattr(FileRows, "_save", interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare(str(photos), out, **options)


def test_work_that_goes_on_decodes_nothing_twice(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    stopped(photos, tmp_path / "set", monkeypatch, size=16)
    decoded = []

    def counting(stream, **words):
        decoded.append(stream.name)
        return whole(stream, **words)

    whole = decoding.decode
    monkeypatch.setattr(decoding, "decode", counting)
    assert len(prepare(str(photos), tmp_path / "set", size=16)) == 30
    assert len(decoded) == 18


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 8}, r"set\.partial was begun with size 16 \(now 8\); ask for the same.* or remove .*set\.partial"),
        ({"size": 16, "fit": "pad"}, r"was begun with fit None \(now pad\)"),
        ({}, r"was begun with size 16 \(now None\)"),
    ],
    ids=str,
)
def test_other_options_are_refused(photos, tmp_path, monkeypatch, options, message):
    stopped(photos, tmp_path / "set", monkeypatch, size=16)
    with pytest.raises(GvaeError, match=message):
        prepare(str(photos), tmp_path / "set", **options)
    assert len(prepare(str(photos), tmp_path / "set", size=16)) == 30


def test_changed_files_are_noticed_if_they_matter(photos, tmp_path, monkeypatch):
    stopped(photos, tmp_path / "set", monkeypatch, size=16)
    first = (photos / "a" / "00.png").read_bytes()
    shutil.copy(photos / "a" / "02.png", photos / "a" / "00.png")
    message = r"files that .*set\.partial was begun with have changed since; put back .*, or remove .*set\.partial"
    with pytest.raises(GvaeError, match=message):
        prepare(str(photos), tmp_path / "set", size=16)
    (photos / "a" / "00.png").write_bytes(first)
    shutil.copy(photos / "a" / "00.png", photos / "b" / "29.png")  # not yet decoded when the work was stopped
    data = prepare(str(photos), tmp_path / "set", size=16)
    assert np.array_equal(data.images, open_data(str(photos), size=16).images)


def test_a_library_that_changed_is_noticed(photos, tmp_path, monkeypatch):
    stopped(photos, tmp_path / "set", monkeypatch, size=16)
    monkeypatch.setattr("PIL.__version__", "0.1")
    with pytest.raises(GvaeError, match=r"images of the form .*'pillow': '0\.1'.*remove .*set\.partial"):
        prepare(str(photos), tmp_path / "set", size=16)


def test_a_broken_file_may_be_mended_or_skipped_without_starting_over(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "FLUSH", 3000)
    whole = cut(photos / "b" / "15.png")
    for out in ("mended", "skipped"):
        with pytest.raises(GvaeError, match=r"b/15\.png cannot be read: .*--skip-broken"):
            prepare(str(photos), tmp_path / out, size=16)
        assert not (tmp_path / out).exists()
        assert (tmp_path / f"{out}.partial" / "images.json").exists()
    data = prepare(str(photos), tmp_path / "skipped", size=16, skip_broken=True)
    assert [line.partition(":")[0] for line in data.facts["skipped"]] == ["b/15.png"]
    assert np.array_equal(data.images, open_data(str(photos), size=16, skip_broken=True).images)
    (photos / "b" / "15.png").write_bytes(whole)
    data = prepare(str(photos), tmp_path / "mended", size=16)
    assert np.array_equal(data.images, open_data(str(photos), size=16).images)


def test_what_was_skipped_is_remembered(photos, tmp_path, monkeypatch):
    cut(photos / "a" / "02.png")
    stopped(photos, tmp_path / "set", monkeypatch, size=16, skip_broken=True)
    with pytest.raises(GvaeError, match=r"a/02\.png cannot be read"):
        prepare(str(photos), tmp_path / "set", size=16)
    data = prepare(str(photos), tmp_path / "set", size=16, skip_broken=True)
    assert len(data) == 29
    assert data.facts["skipped"][0].startswith("a/02.png: ")


def test_the_number_of_cores_changes_nothing(photos, tmp_path, monkeypatch):
    for count in (1, 2, 7):
        monkeypatch.setattr(parallel, "cores", lambda count=count: count)
        prepare(str(photos), tmp_path / str(count), size=16)
    assert content(tmp_path / "1") == content(tmp_path / "2") == content(tmp_path / "7")


def test_a_disk_too_small_is_told_at_once(photos, tmp_path, monkeypatch):
    free = namedtuple("Usage", "free")(2000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    with pytest.raises(GvaeError, match=r"too little room\. 0\.0 MiB more are needed.* --out on another disk$"):
        prepare(str(photos), tmp_path / "set", size=16)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.fixture
def small_files() -> Iterator[Callable[[int], None]]:
    """Limits the length of files that this process may write, as a full disk does."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda length: resource.setrlimit(resource.RLIMIT_FSIZE, (length, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_fills_up_leaves_what_goes_on(photos, tmp_path, monkeypatch, small_files):
    monkeypatch.setattr(rows, "FLUSH", 3000)
    small_files(10_500)  # the thirteenth image is torn
    message = r"File too large\. .* more are needed .*; 12 images are safe, and the same command goes on"
    with pytest.raises(GvaeError, match=message):
        prepare(str(photos), tmp_path / "set", size=16)
    assert not (tmp_path / "set").exists()
    assert (tmp_path / "set.partial" / "images.npy").stat().st_size == 10_500
    small_files(10**7)
    data = prepare(str(photos), tmp_path / "set", size=16)
    assert np.array_equal(data.images, open_data(str(photos), size=16).images)


def test_a_second_call_waits_outside(photos, tmp_path):
    with (
        claim(tmp_path / "set.partial", {}),
        pytest.raises(GvaeError, match=r"another call is at work in .*set\.partial"),
    ):
        prepare(str(photos), tmp_path / "set", size=16)


def test_a_foreign_folder_is_left_alone(photos, tmp_path):
    (tmp_path / "set.partial").mkdir()
    (tmp_path / "set.partial" / "letters").write_text("dear")
    with pytest.raises(GvaeError, match=r"set\.partial holds something else; move it away"):
        prepare(str(photos), tmp_path / "set", size=16)
    assert (tmp_path / "set.partial" / "letters").read_text() == "dear"


def test_a_disk_that_is_full_only_at_the_end(photos, tmp_path, monkeypatch):
    def full(handle: int) -> None:
        if os.fstat(handle).st_size > 10_000:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GvaeError, match=r"images\.npy: .*No space left on device.*free some space"):
        prepare(str(photos), tmp_path / "set", size=16)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_control_c_says_how_to_go_on(photos, tmp_path, monkeypatch, capsys):
    def stop(*words, **options) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gvae.data.prepare", stop)
    assert main(["data", "prepare", str(photos), "--out", str(tmp_path / "set")]) == 130
    assert "the same command goes on" in capsys.readouterr().err


def test_decoded_images_are_not_copied(photos, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(store, "_save", lambda path, array, whole=store._save: saved.append(path) or whole(path, array))
    prepare(str(photos), tmp_path / "set", size=16)
    assert [path.name for path in saved] == ["labels.npy"]
    assert (tmp_path / "set" / "images.npy").stat().st_nlink == 1


def test_a_set_without_images_on_disk_is_prepared_too(tmp_path):
    data = prepare("digits", tmp_path / "set")
    assert np.array_equal(data.images, open_data("digits").images)
    assert data.facts["prepared"] == {"data": "digits"}
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


MEASURED = """
import re, sys
from pathlib import Path
from gvae.data import prepare

prepare(*sys.argv[1:], size=256)
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc to read a process's peak memory")
def test_memory_does_not_grow_with_the_data(tmp_path):
    source = tmp_path / "photos"
    source.mkdir()
    array = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    Image.fromarray(array).save(source / "0.png")
    for i in range(1, 2500):
        os.link(source / "0.png", source / f"{i}.png")
    words = [sys.executable, "-c", MEASURED, str(source), str(tmp_path / "set")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=600, check=True)
    assert read_prepared(tmp_path / "set").images.nbytes == 2500 * 256 * 256 * 3  # 491.5 MB
    assert int(done.stdout) * 1024 < 350e6


def test_progress_without_a_terminal_is_a_line_now_and_then(capsys, monkeypatch):
    now = iter(range(0, 1000, 10))
    monkeypatch.setattr(progress.time, "monotonic", lambda: float(next(now)))
    with progress.progress("decoding", 1000, 100) as show:
        for done in range(200, 800, 100):
            show(done)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["decoding: 400 of 1,000 images, 0:01:00 left", "decoding: 700 of 1,000 images, 0:00:30 left"]
