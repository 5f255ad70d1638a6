"""Every number that can be given, everywhere, with values that no one should give: a sentence, or it works.

The options are found, not listed: those of models and training by their dataclasses, those of every verb by what it
parses. So a new option without a range that holds fails here.
"""

from __future__ import annotations

import math
import operator
import typing
from pathlib import Path
from typing import Any

import pytest

from gvae.cli import COMMANDS, main
from gvae.commands import parsing
from gvae.commands.data import ACTIONS
from gvae.config import TrainConfig, check, from_json, to_json, with_changes
from gvae.data import ReadOptions
from gvae.data.dataset import Dataset
from gvae.errors import GvaeError
from gvae.fields import Option, flat, leaves, nested, rebuild
from gvae.models import MODELS, resolve
from gvae.presets import PRESETS
from gvae.ranges import kind_of, limits
from gvae.runs import Run
from gvae.training import train
from gvae.training.trainer import Trainer

ODD: dict[type, tuple[Any, ...]] = {float: (math.nan, math.inf, -math.inf, -1.0, 0.0, 1e300), int: (-1, 0, 10**20)}
HOLDS = {"gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le}
SMALL = {"net.width": 8, "latent": 3}


def is_pair(option: Option) -> bool:
    """Whether an option is two numbers."""
    return typing.get_origin(option.kind) is tuple and kind_of(typing.get_args(option.kind)[0]).type in ODD


def numbers(config: Any) -> list[Option]:
    """The options of a dataclass that are numbers, or pairs of them."""
    return [option for option in leaves(config) if option.kind in ODD or is_pair(option)]


def odd_values(option: Option) -> list[Any]:
    """Odd values of the option's type; of a pair, one at a time."""
    if not is_pair(option):
        return list(ODD[option.kind])
    return [pair for odd in ODD[float] for pair in ((odd, 1.0), (1.0, odd))]


def admits(option: Option, value: Any) -> bool:
    """Whether the range that is written beside the field admits a value."""
    hints = typing.get_args(option.kind) if is_pair(option) else [option.hint]
    return all(
        math.isfinite(one) and all(HOLDS[name](one, bound) for name, bound in limits(kind_of(hint).marks))
        for hint, one in zip(hints, value if is_pair(option) else [value], strict=True)
    )


def has_range(option: Option) -> bool:
    """Whether a range is written beside the field."""
    hints = typing.get_args(option.kind) if is_pair(option) else [option.hint]
    return all(list(limits(kind_of(hint).marks)) for hint in hints)


def tells(sentence: str, option: Option, value: Any) -> bool:
    """Whether a sentence names the option as it is typed, and what was given."""
    return option.typed in sentence and all(str(one) in sentence for one in (value if is_pair(option) else [value]))


def changed(config: Any, option: Option, value: Any) -> Any:
    """A copy of a dataclass with one other value, as Python code makes it: unchecked."""
    return rebuild(config, {o.path: o.value for o in leaves(config)} | {option.path: value})


@pytest.fixture
def untrained(monkeypatch):
    """Trainings build everything, then take no step."""
    monkeypatch.setattr(Trainer, "train", lambda trainer: None)


def refusal(model: str, config: Any, options: TrainConfig, dataset: Dataset, out: Path) -> str:
    """What `train` says against options; nothing if it builds everything. No other error, and no folder, is let through."""
    try:
        run = train(model, config, options, dataset, "digits", out)
    except GvaeError as error:
        assert not out.exists()
        return str(error)
    assert Run.open(out).train == run.train
    assert from_json(type(config), Run.open(out).model_config) == config
    return ""


@pytest.mark.parametrize("model", MODELS)
def test_every_option_of_every_model(model: str, digits: Dataset, tmp_path: Path, untrained):
    kind = resolve(model).Config
    start = from_json(kind, nested(SMALL))
    for option in numbers(start):
        for number, value in enumerate(odd_values(option)):
            config = changed(start, option, value)
            told = refusal(model, config, TrainConfig(images=10), digits, tmp_path / f"{option.name}-{number}")
            assert (told == "") == admits(option, value), (option.typed, value, told)
            if told:
                assert tells(told, option, value), told
                with pytest.raises(GvaeError, match=f"{option.typed} is "):
                    from_json(kind, to_json(config))


def test_every_option_of_training(digits: Dataset, tmp_path: Path, untrained):
    config = from_json(resolve("vae").Config, nested(SMALL))
    for option in numbers(TrainConfig()):
        start = TrainConfig() if option.name == "minutes" else TrainConfig(images=10)
        for number, value in enumerate(odd_values(option)):
            options = changed(start, option, value)
            told = refusal("vae", config, options, digits, tmp_path / f"{option.name}-{number}")
            assert (told == "") == admits(option, value), (option.typed, value, told)
            if told:
                assert tells(told, option, value), told
                with pytest.raises(GvaeError, match=f"{option.typed} is "):
                    from_json(TrainConfig, to_json(options))


@pytest.mark.parametrize(
    "config", [TrainConfig(), ReadOptions(), *[resolve(m).Config() for m in MODELS]], ids=lambda c: str(c)[:20]
)
def test_every_number_has_a_range_and_its_default_lies_in_it(config: Any):
    assert [option.typed for option in numbers(config) if not has_range(option)] == []
    assert check(config) is config


@pytest.mark.parametrize(("model", "preset"), [(m, p) for m, known in PRESETS.items() for p in known])
def test_every_preset_is_in_range(model: str, preset: str):
    changes = PRESETS[model][preset].changes
    config, options = with_changes(resolve(model).Config, changes)
    held = flat(to_json(config)) | flat(to_json(options))
    assert {name: held[name] for name in changes} == changes


# the command line: verb -> the words that it needs besides the odd option
VERBS = {
    "quickstart": "--out OUT",
    "train": "vae --data anything:open_digits --net.family mlp --latent 3 --out OUT",
    "resume": "RUN",
    "sample": "RUN --out OUT",
    "reconstruct": "RUN --out OUT/pairs.png",
    "attributes": "RUN --names 1,2",
    "edit": "RUN test:0 --add z0=1 --out OUT/edit.png",
    "morph": "RUN test:0 test:1 --path linear --out OUT/morph.png",
    "walk": "RUN --out OUT/walk.gif",
    "explore": "RUN",
    "evaluate": "RUN --metrics mse",
    "compare": "RUN",
    "reproduce": "toy --out OUT",
    "show": "vae --data anything:open_digits",
    "data inspect": "anything:open_digits --out OUT/sheet.png",
    "data prepare": "anything:open_digits --out OUT",
    "data fetch": "mnist",
}
ANYTHING = """
from gvae.data import open_data

def open_digits(root=None, size=None, crop=None, block=None, spacing=None, window=None):
    return open_data("digits")
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A VAE on digits that can be read with any option."""
    folder = tmp_path_factory.mktemp("ranges")
    (folder / "anything.py").write_text(ANYTHING)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr("gvae.models.latent.FIT_CODES", 500)
        words = "train vae --data anything:open_digits --net.family mlp --net.width 8 --latent 3 --images 640"
        assert main([*words.split(), "--out", "run"]) == 0
    return folder / "run"


@pytest.fixture
def short(monkeypatch, untrained):
    """What would go on for long ends after its options have been read."""
    monkeypatch.setattr("gvae.commands.explore.serve", lambda *args: None)
    monkeypatch.setattr("gvae.commands.quickstart.quickstart", lambda *args: None)
    monkeypatch.setattr("gvae.commands.quickstart.show_numbers", lambda *args: None)
    monkeypatch.setattr("gvae.reproduce.run.reproduce", lambda *args: Path(__file__))
    monkeypatch.setattr("gvae.training.resume", lambda *args: None)


def parsed(verb: str, monkeypatch) -> list[Option]:
    """The numbers that a verb takes, from what it gives to the parser."""
    seen: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(parsing, "leaves", lambda start: seen.append(start) or leaves(start))
        words = [*verb.split(), "vae"] if verb == "train" else verb.split()
        assert main([*words, "--help"]) == 0
    return numbers(seen[0])


def test_every_verb_is_walked():
    assert {verb for verb in VERBS if verb[:4] != "data"} == set(COMMANDS) - {"data"}
    assert {verb.removeprefix("data ") for verb in VERBS if verb[:4] == "data"} == set(ACTIONS) - {"list"}


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_of_every_verb(verb, run: Path, tmp_path: Path, monkeypatch, capsys, short):
    monkeypatch.chdir(run.parent)
    for option in parsed(verb, monkeypatch):
        assert has_range(option), option.typed
        for number, value in enumerate(odd_values(option)):
            out = tmp_path / f"{option.name}-{number}"
            words = VERBS[verb].replace("RUN", str(run)).replace("OUT", str(out)).split()
            text = ",".join(map(str, value)) if is_pair(option) else str(value)
            odd = [f"{option.typed}={text}"] if option.typed[:2] == "--" else [option.typed, text]
            capsys.readouterr()
            code, told = main([*verb.split(), *words, *odd]), capsys.readouterr().err
            assert code == (0 if admits(option, value) else 2), (words, odd, told)
            if code:
                assert tells(told, option, value), told
                assert told.count("\n") == 1
                assert not out.exists()
