"""A model's options without the model: the light class is the twin of the real one."""

from __future__ import annotations

import dataclasses
import sys

import pytest

from gvae.commands import docs, options
from gvae.commands.parsing import leaves, parse, rebuild
from gvae.config import ModelConfig, NetConfig, TrainConfig, from_json, to_json
from gvae.errors import GvaeError
from gvae.models import MODELS, resolve, where
from gvae.presets import PRESETS, preset


@pytest.mark.parametrize("model", MODELS)
def test_the_light_config_is_the_real_one(model):
    light, real = options.config_class(model), resolve(model).Config
    assert (light is real) == real.__module__.endswith("_options")  # a file without torch is simply imported
    assert to_json(light()) == to_json(real())
    assert from_json(real, to_json(light())) == real()
    assert sys.modules[where(model).partition(":")[0]] is not None


@pytest.mark.parametrize("model", MODELS)
def test_no_option_of_a_model_is_also_an_option_of_training(model):
    names = [option.name for part in (options.config_class(model)(), TrainConfig()) for option in leaves(part)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("model", MODELS)
def test_every_model_tells_what_it_is(model):
    assert options.about(model)
    assert "http" in docs.head(where(model).partition(":")[0])


@pytest.mark.parametrize(("model", "name"), [(model, name) for model in PRESETS for name in PRESETS[model]])
def test_every_preset_changes_something_that_exists(model, name):
    changes = preset(model, name)
    config, train = options.defaults(model, changes)
    flat = {option.name.replace("-", "_"): option.value for part in (config, train) for option in leaves(part)}
    assert {key: flat[key] for key in changes} == changes
    assert isinstance(from_json(resolve(model).Config, to_json(config)), resolve(model).Config)
    assert PRESETS[model][name].about


def test_the_papers_preset():
    config, train = options.defaults("gvae", preset("gvae", "paper"))
    chosen = to_json(config)
    assert (chosen["latent"], chosen["lr"], train.batch, chosen["penalty"]) == (1000, 1e-4, 32, 10.0)
    assert (chosen["adversarial"], chosen["code"], chosen["order"]) == ("wasserstein", "critic", "sequential")


def test_nested_changes_leave_their_neighbours_alone():
    config, train = options.defaults("vae", {"net.width": 8, "batch": 16})
    assert config.net == NetConfig(width=8)
    assert train == TrainConfig(batch=16)


def test_unknown_names_come_with_the_nearest():
    with pytest.raises(GvaeError, match="no model 'gvea'; did you mean 'gvae'"):
        options.config_class("gvea")
    with pytest.raises(GvaeError, match="no preset of gvae called 'papr'; did you mean 'paper'"):
        preset("gvae", "papr")
    with pytest.raises(GvaeError, match="'pca' has no presets; models that have: draw"):
        preset("pca", "paper")
    with pytest.raises(GvaeError, match="no option 'latnt'; did you mean 'latent'"):
        options.defaults("vae", {"latnt": 3})


def test_outside_code(tmp_path, monkeypatch):
    lines = (
        "from dataclasses import dataclass",
        "from gvae.config import ModelConfig",
        "@dataclass(frozen=True)",
        "class Mine(ModelConfig):",
        "    depth: int = 3",
        "    '''layers'''",
        "class Model:",
        "    Config = Mine",
    )
    (tmp_path / "outside_model.py").write_text("\n".join(lines))
    monkeypatch.syspath_prepend(tmp_path)
    kind = options.config_class("outside_model:Model")
    assert parse(kind(), ["--depth", "5"], "gvae train outside_model:Model").depth == 5
    with pytest.raises(GvaeError, match=r"no name in outside_model 'Modle'; did you mean 'Model'"):
        options.config_class("outside_model:Modle")


def test_peek():
    assert options.peek(["--lr", "1", "--preset", "paper"], "--preset") == "paper"
    assert options.peek(["--preset=paper"], "--preset") == "paper"
    assert options.peek([], "--preset") is None


def test_rebuild_puts_every_leaf_back():
    start = ModelConfig()
    values = {option.path: option.value for option in leaves(start)}
    assert rebuild(start, values) == start
    assert rebuild(start, values | {("net", "width"): 9}).net.width == 9


def test_strings_under_fields_of_all_ancestors():
    for kind in (TrainConfig, options.config_class("gvae")):
        assert set(docs.field_docs(kind)) == {field.name for field in dataclasses.fields(kind)} - {"net"}


def test_a_module_without_source_has_no_docs():
    assert docs.head("no.such.module") == ""
    assert docs.head("sys") == ""
