"""Shards: samples, classes and splits, images straight from the archives, and archives that cannot be trusted."""

from __future__ import annotations

import functools
import http.server
import io
import json
import shutil
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gvae.data import open_data, prepare
from gvae.data.arrays import on_demand, rows
from gvae.data.arrays.on_demand import OnDemand
from gvae.data.arrays.rows import FileRows
from gvae.data.sources import shards
from gvae.data.sources.shards import Shards, expand
from gvae.data.sources.wds import open_wds
from gvae.errors import GvaeError


def pixels(seed: int) -> np.ndarray:
    """A small colour image."""
    return np.random.default_rng(seed).integers(0, 256, (12, 10, 3), dtype=np.uint8)


def encoded(seed: int) -> bytes:
    """The same as PNG."""
    stream = io.BytesIO()
    Image.fromarray(pixels(seed)).save(stream, "PNG")
    return stream.getvalue()


def pack(path: Path, members: dict[str, bytes]) -> Path:
    """Write a tar."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def sample(seed: int) -> dict[str, bytes]:
    """The members of one sample, whose class is its number modulo 2."""
    about = {"id": seed, "kind": ["ash", "oak"][seed % 2]}
    return {
        f"{seed:04}.png": encoded(seed),
        f"{seed:04}.cls": b"%d" % (seed % 2),
        f"{seed:04}.json": json.dumps(about).encode(),
    }


def shard(path: Path, seeds: range) -> Path:
    """A shard of samples."""
    return pack(path, {name: data for seed in seeds for name, data in sample(seed).items()})


@pytest.fixture
def set_of_three(tmp_path: Path) -> Path:
    """Two shards for training, one for validation."""
    shard(tmp_path / "set" / "pets-train-000.tar", range(8))
    shard(tmp_path / "set" / "pets-train-001.tar", range(8, 16))
    shard(tmp_path / "set" / "pets-val-000.tar", range(16, 20))
    return tmp_path / "set"


def test_samples_classes_and_splits(set_of_three: Path):
    data = open_data(f"wds:{set_of_three}")
    assert (data.spec.name, data.spec.classes, data.spec.shape) == ("pets", ("0", "1"), (10, 10))
    assert np.array_equal(data.images, np.stack([pixels(seed)[1:11] for seed in range(20)]))
    assert data.labels is not None
    assert data.labels.tolist() == [seed % 2 for seed in range(20)]
    assert data.splits["val"].tolist() == [16, 17, 18, 19]
    assert sorted([*data.splits["train"], *data.splits["test"]]) == list(range(16))
    assert data.facts["notes"][0] == "20 samples of 3 shards"


def test_braces_name_shards_and_a_missing_one_is_told(set_of_three: Path):
    data = open_data(f"wds:{set_of_three}/pets-train-{{000..001}}.tar", label_column="kind", size=8)
    assert (len(data), data.spec.classes, data.spec.size) == (16, ("ash", "oak"), 8)
    with pytest.raises(GvaeError, match=r"2 of 4 shards are missing, the first is .*pets-train-002\.tar"):
        open_data(f"wds:{set_of_three}/pets-train-{{000..003}}.tar")
    with pytest.raises(GvaeError, match=r"entry of .*0000\.json called 'kin'; did you mean 'kind'"):
        open_data(f"wds:{set_of_three}", label_column="kin")
    with pytest.raises(GvaeError, match=r"range \{9\.\.1\} of .* counts down; write \{1\.\.9\}"):
        expand("a{9..1}.tar")


def test_samples_agree_with_the_library_s(set_of_three: Path):
    library = pytest.importorskip("webdataset", reason='needs the package webdataset: pip install "gvae[shards]"')
    path = pack(set_of_three / "odd.tar", {"d.e/a.seg.PNG": b"1", "d.e/a.txt": b"2", "b.cls": b"3", **sample(3)})
    ours = {
        key: {ending: Shards().read(str(path), member).read() for ending, member in members.items()}
        for key, members in Shards().samples(str(path))
    }
    theirs = library.WebDataset(str(path), shardshuffle=False)
    assert ours == {
        one["__key__"]: {key: value for key, value in one.items() if not key.startswith("__")} for one in theirs
    }


def test_several_images_in_a_sample(tmp_path: Path):
    members = {"a.png": encoded(0), "a.mask.png": encoded(1), "b.png": encoded(2), "b.mask.png": encoded(3)}
    pack(tmp_path / "s.tar", members)
    with pytest.raises(GvaeError, match=r"s\.tar/a has several images \(png, mask\.png\).*--image-column png"):
        open_data(f"wds:{tmp_path}")
    data = open_data(f"wds:{tmp_path}", image_column="mask.png")
    assert np.array_equal(data.images, np.stack([pixels(1)[1:11], pixels(3)[1:11]]))


def test_samples_that_are_not_whole(tmp_path: Path):
    members = {"a.cls": b"7", **sample(1), **sample(2), "b.png": encoded(5)}
    pack(tmp_path / "s.tar", members)
    with pytest.raises(GvaeError, match=r"s\.tar/a has a class and no image \(2 samples.*--skip-broken"):
        open_data(f"wds:{tmp_path}")
    data = open_data(f"wds:{tmp_path}", skip_broken=True)
    assert len(data) == 2
    assert "samples left out, each of which has a class and no image: 1" in data.facts["notes"]
    assert "samples left out, each of which has no class, others have: 1" in data.facts["notes"]


@pytest.mark.parametrize("length", [100, 1000, 3000, -10240, -1024 * 12])
def test_a_cut_shard(tmp_path: Path, length: int):
    path = shard(tmp_path / "s.tar", range(4))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(GvaeError, match=r"s\.tar is no whole tar file .*copy or download it again"):
        open_data(f"wds:{tmp_path}")


def test_a_shard_cut_between_two_members(tmp_path: Path):
    path = pack(tmp_path / "s.tar", {"a.png": b"1", "b.png": b"2"})
    path.write_bytes(path.read_bytes()[:1024])  # the first member, whole
    with pytest.raises(GvaeError, match="its end is missing"):
        open_data(f"wds:{tmp_path}")


def test_a_damaged_header_and_a_packed_shard(tmp_path: Path):
    path = shard(tmp_path / "s.tar", range(4))
    data = bytearray(path.read_bytes())
    start = data.index(b"0002.png")
    data[start : start + 512] = b"x" * 512
    path.write_bytes(data)
    with pytest.raises(GvaeError, match=r"s\.tar is no whole tar file \(a part of it was overwritten\)"):
        open_data(f"wds:{tmp_path}")
    (tmp_path / "s.tar").write_bytes(b"no tar at all" * 100)
    with pytest.raises(GvaeError, match=r"s\.tar is no whole tar file"):
        open_data(f"wds:{tmp_path}")


def test_no_name_of_a_member_is_a_path(tmp_path: Path):
    (tmp_path / "secret.png").write_bytes(encoded(9))
    path = tmp_path / "set" / "s.tar"
    pack(path, {"../secret2.png": encoded(0), "/etc/passwd.png": encoded(1), "a\x1b[2J.png": encoded(2)})
    with tarfile.open(path, "a") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE):
            link = tarfile.TarInfo("link.png")
            link.type, link.linkname = kind, str(tmp_path / "secret.png")
            archive.addfile(link)
    before = sorted(tmp_path.rglob("*"))
    data = prepare(f"wds:{path}", tmp_path / "out")
    assert np.array_equal(data.images, np.stack([pixels(seed)[1:11] for seed in range(3)]))  # and no link's target
    assert sorted(set(tmp_path.rglob("*")) - set(before)) == sorted([tmp_path / "out", *(tmp_path / "out").iterdir()])


def test_a_key_in_two_places(tmp_path: Path):
    pack(tmp_path / "s.tar", {"a.png": encoded(0), "b.png": encoded(1), "a.cls": b"1"})
    with pytest.raises(GvaeError, match=r"s\.tar has the sample a in two places; pack it again"):
        open_data(f"wds:{tmp_path}")


def test_labels_that_are_none(tmp_path: Path):
    pack(tmp_path / "s.tar", {"a.png": encoded(0), "a.json": b"{no json"})
    with pytest.raises(GvaeError, match=r"s\.tar/a\.json holds no label"):
        open_data(f"wds:{tmp_path}", label_column="kind")
    pack(tmp_path / "s.tar", {"a.png": encoded(0), "a.cls": b"\xff"})
    with pytest.raises(GvaeError, match=r"s\.tar/a\.cls holds no label"):
        open_data(f"wds:{tmp_path}")


def test_what_was_given_is_no_set_of_shards(tmp_path: Path):
    with pytest.raises(GvaeError, match=r"which shards\? Give a folder of \.tar files"):
        open_wds(None)
    with pytest.raises(GvaeError, match=r"holds no \.tar files"):
        open_wds(tmp_path)
    for text in ("pipe:touch hacked", "ftp://x/a.tar", "https://x/a;b.tar"):
        with pytest.raises(GvaeError, match=r"are not read; give http://"):
            open_data(f"wds:{text}")
    pack(tmp_path / "s.tar", {"a.txt": b"words"})
    with pytest.raises(GvaeError, match=r"the shards from .*s\.tar on hold no images; supported endings: \.png"):
        open_wds(tmp_path)


def test_work_that_was_stopped_goes_on_to_the_same_bytes(set_of_three, tmp_path, monkeypatch):
    prepare(f"wds:{set_of_three}", tmp_path / "whole", size=16)
    save = FileRows._save

    def interrupt(self: FileRows) -> None:
        save(self)
        self._saving.result()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rows, "FLUSH", 3000)
        patch.setattr(FileRows, "_save", interrupt)
        with pytest.raises(KeyboardInterrupt):
            prepare(f"wds:{set_of_three}", tmp_path / "set2", size=16)
    assert (tmp_path / "set2.partial" / "images.json").exists()
    prepare(f"wds:{set_of_three}", tmp_path / "set2", size=16)
    for path in (tmp_path / "whole").iterdir():
        assert (tmp_path / "set2" / path.name).read_bytes() == path.read_bytes()


@pytest.fixture
def server(set_of_three: Path) -> Iterator[str]:
    """A web server with the shards."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(set_of_three))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


def test_shards_of_the_web(set_of_three: Path, server: str, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("webdataset", reason='needs the package webdataset: pip install "gvae[shards]"')
    if not shutil.which("curl"):
        pytest.skip("webdataset fetches with the program curl, which is not there")
    monkeypatch.setattr(shards, "KEPT", 1)
    pattern = "pets-train-{000..001}.tar"
    data = open_data(f"wds:{server}/{pattern}")
    assert np.array_equal(data.images, open_data(f"wds:{set_of_three}/{pattern}").images)
    with pytest.raises(GvaeError, match=r"shard http://127.*/none\.tar (cannot be fetched|is no whole tar)"):
        open_data(f"wds:{server}/none.tar")


def test_shards_of_the_web_are_read_part_by_part(set_of_three: Path, server: str, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("webdataset", reason='needs the package webdataset: pip install "gvae[shards]"')
    if not shutil.which("curl"):
        pytest.skip("webdataset fetches with the program curl, which is not there")
    for number in range(2, 6):
        shard(set_of_three / f"pets-train-{number:03}.tar", range(20 + 8 * number, 28 + 8 * number))
    whole = open_data(f"wds:{set_of_three}/pets-train-{{000..005}}.tar")
    monkeypatch.setattr(rows, "_memory", lambda: 1000)
    monkeypatch.setattr(on_demand, "BATCH", 1)
    data = open_data(f"wds:{server}/pets-train-{{000..005}}.tar")
    assert isinstance(data.images, OnDemand)
    assert data.parts is not None
    assert data.parts.tolist() == [number for number in range(6) for _ in range(8)]
    fetched, fetch = [], shards._fetched
    monkeypatch.setattr(shards, "_fetched", lambda shard: (fetched.append(shard), fetch(shard))[1])
    train = data.split("train")
    order = data.order(train, batch=5, seed=3)
    for _ in range(len(train) // 5):
        chosen = train[order.next()]
        assert np.array_equal(data.images[chosen], whole.images[chosen])
    assert 3 <= len(fetched) <= 8  # three may lie here still; a batch across two windows may fetch one again
    near = open_data(f"wds:{set_of_three}/pets-train-{{000..005}}.tar")
    assert isinstance(near.images, OnDemand)
    assert near.parts is None
