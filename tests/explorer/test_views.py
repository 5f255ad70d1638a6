"""Every view: what it answers is what the model says, and it appears only where it fits."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from gvae.errors import GvaeError
from gvae.explorer import renderer as drawing
from gvae.explorer.panels import PANELS, map, morph, neighbours, panels, reconstruct, training, volume
from gvae.explorer.panels.attributes import known
from gvae.explorer.panels.code import code, picture
from gvae.explorer.panels.components import effects, traversal
from gvae.explorer.queries import Query
from gvae.latent.directions import Direction
from gvae.latent.store import keep
from gvae.loaded import load
from gvae.models import MODELS
from gvae.plots.grids import to_uint8
from gvae.types import DataSpec
from tests.explorer.conftest import gray, pixels

VOLUME = DataSpec("scan", channels=1, shape=(8, 8, 8), low=-160.0, high=240.0, unit="HU")


def from_address(text: str) -> np.ndarray:
    return pixels(base64.b64decode(text.partition(",")[2]))


@pytest.mark.parametrize("name", MODELS)
def test_views_that_need_an_encoder_appear_only_with_one(renderer, name):
    shown = renderer(name)
    fits = {view for view, panel in panels().items() if panel.fits(shown)}
    needy = {"map", "reconstruct", "attributes"}
    assert fits == set(PANELS) - {"volume"} - (set() if load(shown.run.path).can("encode") else needy)


def test_a_map_of_two_dimensions_is_the_code_itself(renderer, digits):
    shown = renderer(latent=2)
    found = map.points(shown, Query({}))
    indices = digits.split("test")
    z = load(shown.run.path).encode(digits.batch(indices[:5]).x)
    assert np.allclose(found["points"][:5], z.numpy(), atol=1e-4)
    assert found["labels"] == np.asarray(digits.labels)[indices].tolist()
    there = map.code(shown, Query({"u": "0.5", "v": "-1.25", "through": "mean"}))["values"]
    assert there == pytest.approx([0.5, -1.25], abs=1e-6)


@pytest.mark.parametrize("through", ["nearest", "mean"])
def test_a_point_of_the_map_has_that_place_on_the_map(renderer, through):
    shown = renderer()
    words = {"across": "2", "up": "0", "u": "0.7", "v": "-0.3", "through": through}
    z = torch.tensor(map.code(shown, Query(words))["values"])
    axes = map.surveyed(shown).axes
    assert torch.allclose(axes @ axes.T, torch.eye(4), atol=1e-5)
    assert (axes[[2, 0]] @ z).tolist() == pytest.approx([0.7, -0.3], abs=1e-5)
    assert np.array_equal(pixels(map.at(shown, Query(words)).content), gray(load(shown.run.path).decode(z[None])))


def test_the_place_of_an_image_on_the_map_shows_its_reconstruction(renderer):
    shown = renderer()
    found = map.surveyed(shown)
    u, v = (found.axes[:2] @ found.z[7]).tolist()
    z = torch.tensor(map.code(shown, Query({"u": str(u), "v": str(v)}))["values"])
    assert torch.allclose(z, found.z[7], atol=1e-5)


def test_a_map_needs_two_axes(renderer):
    with pytest.raises(GvaeError, match="both axes of the map are 1; choose two different ones"):
        map.points(renderer(), Query({"across": "1", "up": "1"}))


def test_components_that_nothing_depends_on_have_no_effect(renderer):
    shown = renderer()
    with torch.no_grad():
        first = next(p for p in shown.space.model.generator.parameters() if p.ndim > 1)
        first[:, 2] = 0
    found = effects(shown, Query({}))
    assert found["effect"][2] == 0
    assert min(found["effect"][k] for k in (0, 1, 3)) > 0
    assert len(found["spread"]) == 4


def test_effects_are_the_same_asked_for_in_parts_and_measured_once(renderer, monkeypatch):
    shown, calls = renderer(), []
    decode = shown.space.decode
    monkeypatch.setattr(shown.space, "decode", lambda z, y: (calls.append(len(z)), decode(z, y))[1])
    parts = [effects(shown, Query({"first": str(k), "count": "3"})) for k in (0, 3)]
    assert [len(part["effect"]) for part in parts] == [3, 1]  # of four components
    assert calls == [8] * 4
    found = effects(shown, Query({}))
    assert found["effect"] == [*parts[0]["effect"], *parts[1]["effect"]]
    assert found["spread"] == [*parts[0]["spread"], *parts[1]["spread"]]
    assert len(calls) == 4


def test_a_filmstrip_goes_from_minus_three_to_three(renderer):
    shown = renderer()
    ask = {"code": "seed:2", "component": "1", "steps": "3"}
    z = torch.tensor(code(shown, Query(ask))["values"]).repeat(3, 1)
    z[:, 1] = torch.tensor([-3.0, 0.0, 3.0])
    expected = np.concatenate(list(to_uint8(load(shown.run.path).decode(z))[..., 0]), axis=1)
    assert np.array_equal(pixels(traversal(shown, Query(ask)).content), expected)


def test_a_morph_begins_and_ends_where_it_should(renderer):
    shown = renderer()
    words = {"a": "test:0", "b": "seed:3", "path": "linear"}
    a, b = (torch.tensor(code(shown, Query({"code": words[key]}))["values"]) for key in "ab")
    loaded = load(shown.run.path)
    for step, z in ((0, a), (30, (a + b) / 2), (60, b)):
        got = pixels(morph.at(shown, Query({**words, "step": str(step)})).content)
        assert np.abs(got.astype(int) - gray(loaded.decode(z[None]))).max() <= 1
    assert pixels(morph.row(shown, Query({**words, "steps": "5"})).content).shape == (8, 40)


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_a_morph_is_an_animation(renderer, kind):
    found = morph.there_and_back(renderer(), Query({"a": "seed:0", "b": "seed:1", "format": kind}))
    assert found.kind == f"image/{kind}"
    with Image.open(io.BytesIO(found.content)) as image:
        assert image.size == (256, 256)
        assert image.n_frames > 1


def test_the_paths_on_offer_are_those_the_run_has(renderer):
    assert morph.about(renderer(), Query({}))["best"] == "density"
    assert "density" not in morph.about(renderer("gan"), Query({}))["kinds"]
    with pytest.raises(GvaeError, match="densest at 0"):
        morph.at(renderer("gan"), Query({"a": "seed:0", "b": "seed:1", "path": "density"}))


def test_a_reconstruction_is_that_of_load(renderer, digits):
    shown = renderer()
    x = digits.batch(digits.split("test")[4:5]).x
    found = reconstruct.whole(shown, Query({"code": "test:4"}))
    x_rec = load(shown.run.path).reconstruct(x)
    assert np.array_equal(from_address(found["pictures"]["original"]), gray(x))
    assert np.array_equal(from_address(found["pictures"]["reconstruction"]), gray(x_rec))
    assert np.array_equal(from_address(found["pictures"]["difference"]), gray((x_rec - x) / 2))
    assert found["mse"] == pytest.approx(float((x - x_rec).square().mean()) / 4)
    assert found["bounds"]["ELBO"] <= found["bounds"]["IWAE-64"]  # Jensen
    assert json.dumps(found, allow_nan=False)


def test_curves_and_grids_are_read_anew(renderer):
    shown = renderer()
    assert training.curves(shown, Query({}))["curves"] == {}
    lines = [{"images": 64 * k, "terms": {"kl": 10.0 / k}, "odd": float("nan")} for k in range(1, 5)]
    shown.run.log.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"images": 3')
    picture = shown.run.samples(256)
    picture.parent.mkdir()
    Image.new("L", (5, 4), 77).save(picture)
    (picture.parent / "notes.png").write_bytes(b"no number")
    found = training.curves(shown, Query({}))
    assert found["curves"] == {"kl": [(64.0 * k, 10.0 / k) for k in range(1, 5)]}
    assert (found["samples"], found["reconstructions"]) == ([256], [])
    assert pixels(training.grid(shown, Query({"images": "256"})).content).tolist() == [[77] * 5] * 4
    with pytest.raises(GvaeError, match="no grid was drawn after 3 images"):
        training.grid(shown, Query({"images": "3"}))


def test_attributes_are_those_of_the_run(renderer):
    shown = renderer()
    assert known(shown, Query({}))["directions"] == []
    keep(shown.run, [Direction("odd", torch.ones(4), "mean", "digits", 30, 40, auc=0.75)])
    (row,) = known(shown, Query({}))["directions"]
    assert (row["name"], row["positive"], row["auc"]) == ("odd", 30, 0.75)


@pytest.mark.parametrize("by", ["pixels", "features"])
def test_a_training_image_is_its_own_nearest_neighbour(renderer, digits, monkeypatch, by):
    shown = renderer()
    index = 17
    x = digits.batch(digits.split("train")[index : index + 1]).x
    monkeypatch.setattr(shown.space, "decode", lambda z, y: x)
    found = neighbours.nearest(shown, Query({"by": by}))
    near = found["near"][0]
    assert near["image"] == f"train:{index}"
    assert near["distance"] == pytest.approx(0, abs=1e-3)
    assert np.array_equal(from_address(near["picture"]), gray(x))
    assert found["verdict"].startswith("Nearer than 95 %")
    assert found["held_out"] == sorted(found["held_out"])
    assert found["searched"] == len(digits.split("train"))


def test_distances_of_pixels_are_root_mean_squares():
    black, white = -torch.ones(1, 1, 4, 4), torch.ones(1, 1, 4, 4)
    assert float((neighbours.pixels(black) - neighbours.pixels(white)).norm()) == pytest.approx(1)


def test_slices_of_a_volume(renderer):
    shown = renderer("vae", VOLUME)
    x = load(shown.run.path).decode(shown.code(Query({"code": "seed:1"}))[None])[0, 0].double().clamp(-1, 1)
    hu = (-160 + (x + 1) * 200).numpy()
    window = {"code": "seed:1", "index": "2", "centre": "0", "width": "300"}
    cuts = {"axial": hu[2], "coronal": hu[::-1, 2], "sagittal": hu[::-1, :, 2]}
    for axis, values in cuts.items():
        got = pixels(volume.section(shown, Query({**window, "axis": axis})).content)
        assert np.array_equal(got, volume.windowed(values, 0, 300))
    assert volume.about(shown, Query({}))["unit"] == "HU"
    assert panels()["volume"].fits(shown)


def test_a_volume_is_decoded_once_for_all_its_slices(renderer, monkeypatch):
    shown, calls = renderer("vae", VOLUME), []
    decode = shown.space.decode
    monkeypatch.setattr(shown.space, "decode", lambda z, y: (calls.append(1), decode(z, y))[1])
    for k in range(4):
        volume.section(shown, Query({"index": str(k)}))
    volume.section(shown, Query({"code": "seed:9"}))
    assert len(calls) == 2


def test_a_run_without_held_out_images_says_so(renderer, digits):
    shown = renderer()
    shown.data = replace(digits, splits={"train": digits.split("train")})
    assert neighbours.nearest(shown, Query({}))["verdict"] == "There are no held-out images to compare with."
    assert len(map.points(shown, Query({}))["points"]) == len(digits.split("train"))


def test_a_draft_is_nearly_the_picture_and_only_where_it_is_faster(renderer, monkeypatch):
    shown = renderer()
    exact, ask = pixels(picture(shown, Query({})).content), Query({"draft": "1"})
    assert not shown.drafts  # 8x8 pixels
    assert np.array_equal(pixels(picture(shown, ask).content), exact)
    monkeypatch.setattr(shown, "drafts", True)
    draft = pixels(picture(shown, ask).content).astype(int)
    assert 0 < np.abs(draft - exact).max() <= 8
    assert np.array_equal(pixels(picture(shown, Query({})).content), exact)


def test_drafts_are_for_large_images_on_processors_with_bf16(renderer, monkeypatch):
    monkeypatch.setattr(drawing, "LARGE", 64)
    monkeypatch.setattr(drawing, "has_bf16", lambda device: True)
    assert renderer().drafts
    monkeypatch.setattr(drawing, "has_bf16", lambda device: False)
    assert not renderer().drafts
