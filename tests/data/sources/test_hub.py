"""Sets of the Hugging Face hub: columns, splits, licences and refusals, on sets that the library writes to this disk."""

from __future__ import annotations

import json
import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gvae.data import open_data, options_of, prepare
from gvae.data.sources.hub import open_hub
from gvae.errors import GvaeError

datasets = pytest.importorskip("datasets", reason='needs the package datasets: pip install "gvae[hub]"')
CARD = """---
license: cc-by-4.0
---
# Stripes
## Citation Information
```bibtex
@misc{stripes, title={Stripes}}
```
"""


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks the network, and the library's cache is one of the test's own."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def pixels(seed: int) -> np.ndarray:
    """A small colour image."""
    return np.random.default_rng(seed).integers(0, 256, (12, 10, 3), dtype=np.uint8)


def encoded(seed: int) -> bytes:
    """The same as PNG."""
    stream = BytesIO()
    Image.fromarray(pixels(seed)).save(stream, "PNG")
    return stream.getvalue()


def table(seeds: range, **columns: Any) -> Any:
    """A set with a column `image`; labels are the seeds modulo 2, called cat and dog."""
    kinds = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["cat", "dog"])}
    rows = {"image": [{"bytes": encoded(s), "path": None} for s in seeds], "label": [s % 2 for s in seeds]}
    whole = {**rows, **{name: values for name, (values, _) in columns.items()}}
    features = {**kinds, **{name: kind for name, (_, kind) in columns.items()}}
    return datasets.Dataset.from_dict(whole, datasets.Features(features))


def saved(folder: Path, **parts: Any) -> str:
    """Write splits with the library; returns what --data is given."""
    datasets.DatasetDict(parts).save_to_disk(str(folder))
    return f"hub:{folder}"


def test_images_classes_and_splits_arrive(tmp_path: Path):
    source = saved(
        tmp_path / "pets", train=table(range(20)), validation=table(range(20, 24)), test=table(range(24, 30))
    )
    data = open_data(source)
    assert (data.spec.name, data.spec.classes, data.spec.channels, data.spec.shape) == (
        "pets",
        ("cat", "dog"),
        3,
        (10, 10),
    )
    assert data.images.tobytes() == np.stack([pixels(seed)[1:11] for seed in range(30)]).tobytes()
    assert data.labels is not None
    assert data.labels.tolist() == [seed % 2 for seed in range(30)]
    assert {name: part.tolist() for name, part in data.splits.items()} == {
        "train": list(range(20)),
        "val": list(range(20, 24)),
        "test": list(range(24, 30)),
    }
    assert data.facts["notes"][0] == "column image holds the images, column label the classes"
    assert data.facts["licence"] == "not stated by its dataset card"


def test_a_folder_of_images_with_its_card(tmp_path: Path):
    for seed in range(12):
        folder = tmp_path / "stripes" / "train" / ["ash", "oak"][seed % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{seed:02}.png").write_bytes(encoded(seed))
    (tmp_path / "stripes" / "README.md").write_text(CARD)
    data = open_data(f"hub:{tmp_path / 'stripes'}", size=6)
    assert data.spec.classes == ("ash", "oak")
    assert data.facts["licence"] == "cc-by-4.0"
    assert data.facts["citation"] == "@misc{stripes, title={Stripes}}"
    assert sorted(np.concatenate(list(data.splits.values()))) == list(range(12))
    assert all(len(part) for part in data.splits.values())


def test_prepared_with_its_licence_and_read_again_as_it_was(tmp_path: Path):
    (tmp_path / "pets").mkdir()
    source = saved(tmp_path / "pets", train=table(range(20)))
    (tmp_path / "pets" / "README.md").write_text(CARD)
    data = prepare(source, tmp_path / "out", size=8, label_column="label")
    about = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert about["facts"]["licence"] == "cc-by-4.0"
    assert about["facts"]["prepared"] == {"data": source, "size": 8, "label_column": "label"}
    assert np.array_equal(data.images, open_data(source, size=8).images)


def test_options_are_kept_for_the_run(tmp_path: Path):
    from gvae.config import TrainConfig
    from gvae.runs import Run

    source = saved(tmp_path / "pets", train=table(range(10), other=([0] * 10, datasets.ClassLabel(names=["x"]))))
    data = open_data(source, label_column="other")
    assert data.spec.classes == ("x",)
    run = Run(Path("run"), "vae", {}, TrainConfig(), source, data.spec, {"data": data.facts})
    assert options_of(run) == {"label_column": "other", "size": 10, "channels": 3}


def test_columns_that_are_not_clear_are_asked_for(tmp_path: Path):
    two = {"fine": ([0] * 4, datasets.ClassLabel(names=["x"])), "coarse": ([0] * 4, datasets.ClassLabel(names=["y"]))}
    source = saved(tmp_path / "a", train=table(range(4), **two).remove_columns("label"))
    with pytest.raises(GvaeError, match=r"several columns of classes \(fine, coarse\).*--label-column fine"):
        open_data(source)
    assert open_data(source, label_column="coarse").spec.classes == ("y",)
    with pytest.raises(GvaeError, match=r"no column of .* called 'corse'; did you mean 'coarse'"):
        open_data(source, label_column="corse")
    source = saved(tmp_path / "b", train=table(range(4)).rename_column("image", "left").remove_columns("label"))
    assert open_data(source).labels is None
    source = saved(tmp_path / "c", train=table(range(4)).remove_columns("image"))
    with pytest.raises(GvaeError, match=r"declares no column of images: label \(int64\); .*--image-column"):
        open_data(source)


def test_words_and_numbers_are_classes_and_missing_labels_are_told(tmp_path: Path):
    words = table(range(6)).remove_columns("label").add_column("label", ["b", "a", "b", "a", "c", "c"])
    data = open_data(saved(tmp_path / "a", train=words))
    assert data.spec.classes == ("a", "b", "c")
    assert data.labels is not None
    assert data.labels.tolist() == [1, 0, 1, 0, 2, 2]
    features = table(range(2)).features
    unlabelled = table(range(20, 24)).map(lambda row: {"label": -1}, features=features)
    data = open_data(saved(tmp_path / "b", train=table(range(20)), test=unlabelled))
    assert data.labels is None
    assert "no labels: 4 of 24 images have none in column label" in data.facts["notes"]


def test_other_splits_are_left_out_and_told(tmp_path: Path):
    data = open_data(saved(tmp_path / "a", train=table(range(20)), extra=table(range(20, 30))))
    assert len(data) == 20
    assert "splits that are neither train, validation nor test, left out: extra" in data.facts["notes"]
    assert len(open_data(saved(tmp_path / "b", images=table(range(12))))) == 12
    with pytest.raises(GvaeError, match=r"the splits one, two, of which none is train.*save_to_disk"):
        open_data(saved(tmp_path / "c", one=table(range(4)), two=table(range(4))))


def test_a_row_that_holds_no_image(tmp_path: Path):
    rows = {"image": [{"bytes": encoded(0), "path": None}, {"bytes": b"no image", "path": None}, None]}
    broken = datasets.Dataset.from_dict(rows, datasets.Features({"image": datasets.Image()}))
    source = saved(tmp_path / "a", train=broken)
    with pytest.raises(
        GvaeError, match=r"hub:.*/a/train/1 cannot be read: .*1 more are broken: train/2.*--skip-broken"
    ):
        open_data(source)
    data = open_data(source, skip_broken=True)
    assert len(data) == 1
    assert data.facts["skipped"][1] == "train/2: ValueError, there is no image in this row"


def test_names_that_lead_nowhere(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(GvaeError, match=r"which set of the hub\? Give hub:OWNER/NAME"):
        open_hub(None)

    def refuse(text: str) -> None:
        def load(*words: object) -> None:
            raise datasets.exceptions.DatasetNotFoundError(text)

        monkeypatch.setattr(datasets, "load_dataset", load)

    refuse("Dataset 'a/b' doesn't exist on the Hub or cannot be accessed.")
    with pytest.raises(GvaeError, match=r"there is no set a/b on the hub, or you have no access.*hub:ylecun/mnist"):
        open_data("hub:a/b")
    refuse("Dataset 'a/b' is a gated dataset on the Hub. You must be authenticated.")
    with pytest.raises(GvaeError, match=r"hub:a/b is gated: .*accept their terms.*hf auth login"):
        open_data("hub:a/b")


def test_without_a_connection_and_with_a_wrong_configuration(tmp_path: Path):
    with pytest.raises(GvaeError, match=r"hub:nobody/nothing cannot be loaded: .*check the name and the connection"):
        open_data("hub:nobody/nothing")
    (tmp_path / "stripes").mkdir()
    (tmp_path / "stripes" / "0.png").write_bytes(encoded(0))
    with pytest.raises(GvaeError, match=r"cannot be loaded: BuilderConfig 'big' not found"):
        open_data(f"hub:{tmp_path / 'stripes'}:big")


def test_without_the_library(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(GvaeError, match=r'pip install "gvae\[hub\]"'):
        open_data("hub:ylecun/mnist")
