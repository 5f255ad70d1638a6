"""Preparing CT: work killed at any write goes on to the same bytes, and no scan is read twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gvae.data import open_data, prepare
from gvae.data.ct import nifti
from gvae.errors import GvaeError
from tests.data.ct.ct_files import TAGS, body, write_nifti, write_series

pytest.importorskip("pydicom")
pytest.importorskip("nibabel")

KILLED = """
import os, signal, sys
from gvae.data import prepare
from gvae.data.ct import journal as scanlog
from gvae.data.prepared import store
from gvae.data.ct.journal import ScanLog
from gvae.data.ct.stack import Stack

left = int(sys.argv[3])

def spend():
    global left
    left -= 1
    return left < 0

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def torn_images(self, images, name, whole=Stack.add):
    if spend():
        whole(self, images[:1], name)
        die()
    whole(self, images, name)

def torn_line(self, scan, record, whole=ScanLog.add):
    if spend():
        whole(self, scan, record)
        os.truncate(self.lines, self.lines.stat().st_size - 9)
        die()
    whole(self, scan, record)
    if spend():
        die()

def deadly(function):
    return lambda *words: die() if spend() else function(*words)

Stack.add, ScanLog.add = torn_images, torn_line
store.write_text, os.replace = deadly(store.write_text), deadly(os.replace)
prepare("ct:" + sys.argv[1], sys.argv[2], size=16)
print(int(sys.argv[3]) - left)
"""


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Four patients: three NIfTI files, of which one repeats another, and a DICOM series."""
    root = tmp_path / "scans"
    for k in range(3):
        write_nifti(root / f"s{k}" / "ct.nii.gz", body(seed=k))
    write_nifti(root / "again" / "ct.nii.gz", body(seed=1))
    write_series(root / "s4", body(seed=4))
    return root


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def kill(scans: Path, out: Path, after: int) -> subprocess.CompletedProcess:
    """Prepare in a process of its own that is killed at that write."""
    words = [sys.executable, "-c", KILLED, str(scans), str(out), str(after)]
    return subprocess.run(words, capture_output=True, text=True, timeout=600, check=False)


def test_work_killed_anywhere_goes_on_to_the_same_bytes(scans: Path, tmp_path: Path):
    whole = kill(scans, tmp_path / "whole", 10**6)
    assert whole.returncode == 0, whole.stderr
    events = int(whole.stdout)
    expected = content(tmp_path / "whole")
    for start in (0, 4, 5, 9, events - 2, events - 1):
        out = tmp_path / f"set{start}"
        assert kill(scans, out, start).returncode == -9
        assert not out.exists()
        prepare(f"ct:{scans}", out, size=16)
        assert content(out) == expected
    assert np.array_equal(np.load(tmp_path / "whole" / "images.npy"), open_data(f"ct:{scans}", size=16).images)
    assert not [path.name for path in tmp_path.iterdir() if "partial" in path.name]


def stopped(scans: Path, out: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    """Prepare until some scans are read."""
    left, whole = after, nifti.read_nifti

    def interrupt(*words):
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return whole(*words)

    with monkeypatch.context() as patch:
        patch.setattr(nifti, "read_nifti", interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare(f"ct:{scans}", out, size=16)


def test_no_scan_is_read_twice_and_nothing_of_a_patient_is_noted(scans, tmp_path, monkeypatch):
    stopped(scans, tmp_path / "set", monkeypatch, 2)
    notes = b"".join(content(tmp_path / "set.partial").values())
    assert not [
        tag for tag in (*TAGS.values(), "ct.nii", "s0/") if tag.encode() in notes.replace(str(scans).encode(), b"")
    ]
    count, whole = [], nifti.read_nifti
    monkeypatch.setattr(nifti, "read_nifti", lambda file: count.append(file) or whole(file))
    assert len(prepare(f"ct:{scans}", tmp_path / "set", size=16)) == 48
    assert len(count) == 2


def test_scans_that_changed_are_noticed(scans, tmp_path, monkeypatch):
    stopped(scans, tmp_path / "set", monkeypatch, 3)
    write_nifti(scans / "s9" / "ct.nii", body((30, 16, 20)))  # the largest comes first
    with pytest.raises(
        GvaeError, match=r"scans that .*set\.partial was begun with have changed.*or remove .*set\.partial"
    ):
        prepare(f"ct:{scans}", tmp_path / "set", size=16)
    (scans / "s9" / "ct.nii").unlink()
    assert len(prepare(f"ct:{scans}", tmp_path / "set", size=16)) == 48


def test_other_libraries_are_noticed(scans, tmp_path, monkeypatch):
    stopped(scans, tmp_path / "set", monkeypatch, 2)
    monkeypatch.setattr("gvae.data.ct.journal._versions", lambda: {"numpy": "0"})
    with pytest.raises(GvaeError, match=r"begun with other versions of numpy, pydicom"):
        prepare(f"ct:{scans}", tmp_path / "set", size=16)


def test_a_broken_scan_that_was_skipped_is_remembered(scans, tmp_path, monkeypatch):
    (scans / "bad.nii").write_bytes(b"no scan" * 10**5)  # the largest comes first
    left, whole = 2, nifti.read_nifti

    def interrupt(*words):
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt
        return whole(*words)

    with monkeypatch.context() as patch:
        patch.setattr(nifti, "read_nifti", interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare(f"ct:{scans}", tmp_path / "set", size=16, skip_broken=True)
    with pytest.raises(GvaeError, match=r"bad\.nii"):
        prepare(f"ct:{scans}", tmp_path / "set", size=16)
    data = prepare(f"ct:{scans}", tmp_path / "set", size=16, skip_broken=True)
    assert len(data) == 48
    assert len(data.facts["skipped"]) == 1
