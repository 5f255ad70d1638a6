"""Codes from what an address says, and the very images that `gvae.load` gives for them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gvae.errors import GvaeError
from gvae.explorer import renderer as module
from gvae.explorer.panels.code import code, facts, picture
from gvae.explorer.queries import Query, packed
from gvae.latent.directions import Direction
from gvae.latent.store import keep
from gvae.loaded import load
from gvae.models import MODELS
from tests.explorer.conftest import gray, pixels, png_of


@pytest.mark.parametrize("name", MODELS)
def test_every_model_shows_what_load_decodes(renderer, name):
    shown = renderer(name)
    ask = Query({"code": "seed:5", "set": "1:1.25,3:-2"})
    z = torch.tensor([code(shown, ask)["values"]])
    assert z[0, 1] == 1.25
    assert z[0, 3] == -2
    loaded = load(shown.run.path)
    if loaded.can("decode"):
        expected = loaded.decode(z, loaded.model.in_turn(1))
    else:
        expected = shown.space.decode(z, shown.space.model.in_turn(1))
    assert np.array_equal(pixels(picture(shown, ask).content), gray(expected))


def test_a_code_in_the_address_is_taken_as_it_is(renderer):
    shown = renderer()
    z = torch.tensor([0.1, -0.2, 3.0, 1e-8])
    words = {"code": f"z:{packed(z.numpy())}"}
    assert code(shown, Query(words)) == {"values": z.tolist(), **words}


def test_codes_of_images_are_those_of_the_encoder(renderer, digits):
    shown = renderer()
    x = digits.batch(digits.split("test")[3:4]).x
    assert code(shown, Query({"code": "test:3"}))["values"] == load(shown.run.path).encode(x)[0].tolist()
    name = shown.uploads.add(png_of(gray(x)))
    expected = load(shown.run.path).encode(torch.from_numpy(gray(x) / 127.5 - 1).float()[None, None])
    found = torch.tensor(code(shown, Query({"code": f"up:{name}"}))["values"])
    assert torch.allclose(found, expected[0], atol=1e-5)


def test_directions_are_added_and_read_again_when_they_change(renderer):
    shown = renderer()
    keep(shown.run, [Direction("odd", torch.tensor([1.0, 0.0, 2.0, 0.0]), "mean", "digits")])
    start = torch.tensor(code(shown, Query({"code": "seed:1"}))["values"])
    moved = torch.tensor(code(shown, Query({"code": "seed:1", "add": "odd:1.5,z1:-1"}))["values"])
    assert torch.allclose(moved - start, torch.tensor([1.5, -1.0, 3.0, 0.0]), atol=1e-6)
    keep(shown.run, [Direction("odd", torch.tensor([0.0, 0.0, 0.0, 9.0]), "mean", "digits")])
    again = torch.tensor(code(shown, Query({"code": "seed:1", "add": "odd:1"}))["values"])
    assert torch.allclose(again - start, torch.tensor([0.0, 0.0, 0.0, 9.0]), atol=1e-6)


def test_a_class_changes_what_a_conditional_model_shows(renderer):
    shown = renderer("cvae", conditional=True)
    z = {"code": f"z:{packed(np.zeros(4))}"}
    contents = {picture(shown, Query({**z, "y": str(y)})).content for y in range(3)}
    assert len(contents) == 3
    expected = load(shown.run.path).decode(torch.zeros(1, 4), torch.tensor([2]))
    assert np.array_equal(pixels(picture(shown, Query({**z, "y": "2"})).content), gray(expected))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"code": "file:/etc/passwd"}, "there is no code 'file:/etc/passwd'; ask for seed:3"),
        ({"code": "seed:-1"}, "seed is '-1'; it must be a number from 0"),
        ({"code": "test:99999"}, "test is '99999'; it must be a number from 0 to"),
        ({"code": "z:AAAA"}, "is not 4 finite numbers"),
        ({"code": "up:nothing"}, "choose the file again"),
        ({"set": "4:1"}, "component is '4'; it must be a number from 0 to 3"),
        ({"set": "1:nan"}, "set 1 is 'nan'"),
        ({"add": "Smiling:1"}, "keeps no directions yet"),
        ({"add": "z9:1"}, "there is no component z9"),
    ],
)
def test_mistakes_are_sentences(renderer, words, sentence):
    with pytest.raises(GvaeError, match=sentence):
        renderer().code(Query(words))


def test_the_page_learns_that_a_run_was_trained_on_or_deleted(renderer):
    shown = renderer()
    assert facts(shown, Query({}))["stale"] == ""
    import os

    os.utime(shown.run.weights, (1, 1))
    assert "has been trained on; start `gvae explore` again" in facts(shown, Query({}))["stale"]
    shown.run.weights.unlink()
    assert "has been deleted or moved" in facts(shown, Query({}))["stale"]
    assert pixels(picture(shown, Query({})).content).shape == (8, 8)  # what is in memory still answers


def test_what_is_remembered_is_bounded(renderer, monkeypatch):
    monkeypatch.setattr("gvae.explorer.renderer.CACHED", 3)
    shown = renderer()
    made = [shown.remember(k, lambda k=k: k * k) for k in range(9)]
    assert (made, len(shown.cache)) == ([k * k for k in range(9)], 3)


def test_what_was_not_asked_for_longest_is_forgotten(renderer, monkeypatch):
    monkeypatch.setattr(module, "CACHED", 2)
    shown = renderer()
    made: list[str] = []
    for key in ("a", "b", "a", "c", "a", "b"):
        assert shown.remember(key, lambda key=key: (made.append(key), key.upper())[1]) == key.upper()
    assert made == ["a", "b", "c", "b"]
