"""The Python interface: what the documents promise of `import gvae`, and a sentence for every slip."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

import gvae
from gvae.metrics import METRICS, functions
from gvae.models import MODELS, resolve

SMALL = {"images": 512, "latent": 4, "net": {"width": 8}, "seed": 0}


def encoder(outputs: int = 8) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, outputs))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A conditional VAE trained for moments, opened."""
    out = tmp_path_factory.mktemp("runs") / "a"
    return gvae.train("vae", "digits", out, conditional=True, **SMALL)


def test_importing_gvae_imports_nothing_heavy_and_offers_everything():
    code = (
        "import sys, gvae; heavy = {'torch', 'numpy', 'sklearn', 'matplotlib'} & set(sys.modules); "
        "print(sorted(heavy), [n for n in gvae.__all__ if not hasattr(gvae, n)], sorted(dir(gvae)) == sorted(gvae.__all__))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[] [] True"


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_offered_by_its_class(name):
    kind = resolve(name)
    assert getattr(gvae, kind.__name__) is kind
    assert kind.__name__ in gvae.__all__


def test_a_model_takes_options_by_name_and_is_trained_as_it_is(tmp_path):
    data = gvae.open_data("digits")
    torch.manual_seed(3)
    model = gvae.VAE(data.spec, latent=5, prior="normal", net={"width": 8})
    first = [p.clone() for p in model.encoder.parameters()]
    run = gvae.train(model, data, tmp_path / "r", images=64, lr_warmup=0.0, ema=0)
    assert (run.run.model, run.run.model_config["latent"], run.run.train.images) == ("vae", 5, 64)
    moved = [float((a - b).abs().max()) for a, b in zip(first, run.model.encoder.parameters(), strict=True)]
    assert 0 < max(moved) < 0.02  # one step from the weights that were given, not from fresh ones
    assert run.sample(3).shape == (3, 1, 8, 8)


def test_a_name_and_a_class_give_the_same_run(tmp_path):
    data = gvae.open_data("digits")
    named = gvae.train("vae", data, tmp_path / "a", **SMALL)
    torch.manual_seed(0)
    built = gvae.train(gvae.VAE(data.spec, latent=4, net={"width": 8}), data, tmp_path / "b", images=512, seed=0)
    assert named.run.model_config == built.run.model_config
    assert torch.equal(named.sample(4, seed=1), built.sample(4, seed=1))


def test_own_networks_learn_and_are_asked_for_again(tmp_path):
    data = gvae.open_data("digits")
    own = encoder()
    model = gvae.VAE(data.spec, latent=4, net={"width": 8}, encoder=own)
    before = own[1].weight.clone()
    run = gvae.train(model, data, tmp_path / "own", images=512)
    assert not torch.equal(own[1].weight, before)
    assert run.run.about["own_networks"] == {"encoder": "Sequential"}
    with pytest.raises(gvae.GvaeError, match=r"networks of its own; open it from Python: .*encoder=Sequential"):
        gvae.load(run.run.path)
    again = gvae.load(run.run.path, encoder=encoder())
    x = data.batch([0, 1, 2]).x
    assert torch.equal(again.encode(x), run.encode(x))


def test_own_networks_of_another_shape_are_refused_by_what_is_needed():
    spec = gvae.open_data("digits").spec
    model = gvae.VAE(spec, latent=4, net={"width": 8}, encoder=encoder(6))
    with pytest.raises(gvae.GvaeError, match=r"encoder= returned \(2, 6\) for an input of .*needs \(2, 8\)"):
        model.encode(torch.zeros(2, 1, 8, 8))
    critic = nn.Sequential(nn.Flatten(), nn.Linear(64, 1))
    scores, features = gvae.GAN(spec, net={"width": 8}, critic=critic).critic(torch.zeros(3, 1, 8, 8))
    assert (tuple(scores.shape), features) == ((3,), [])
    with pytest.raises(gvae.GvaeError, match="no network to give 'encoder'"):
        gvae.GAN(spec, net={"width": 8}, encoder=encoder())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gvae.VAE("digits"), "begins with what its images look like, not with str"),
        (lambda: gvae.VAE(gvae.open_data("digits").spec, latnet=4), "no option 'latnet'; did you mean 'latent'"),
        (lambda: gvae.VAE(gvae.open_data("digits").spec, latent=0), "--latent is 0"),
        (lambda: gvae.train("vea", "digits", images=64), "no model 'vea'; did you mean"),
        (lambda: gvae.train("vae", "digits", imagse=64), "no option 'imagse'; did you mean 'images'"),
        (lambda: gvae.open_data(np.zeros((4, 8, 8))), r"images are float64; give uint8 .*astype"),
        (lambda: gvae.open_data(np.zeros((4, 8, 8, 2), np.uint8)), r"images have shape \(4, 8, 8, 2\)"),
        (lambda: gvae.open_data(np.zeros((4, 8, 8), np.uint8), labels=[0, 1]), "give 4 integers from 0 on"),
        (lambda: gvae.open_data("digits", labels=[0]), "labels= belong to an array"),
        (lambda: gvae.metrics.fd(torch.zeros(9, 8, 8), torch.zeros(9, 8, 8)), r"shape \(9, 8, 8\); give floats"),
        (lambda: gvae.metrics.mmd(torch.full((9, 1, 8, 8), 7.0), torch.zeros(9, 1, 8, 8)), r"lie in 7 to 7"),
        (lambda: gvae.metrics.fd(*[np.zeros((99, 9, 9), np.uint8)] * 2, features="mnist"), "are of images 1 x 28 x 28"),
        (lambda: gvae.load("nowhere"), "nowhere is not a run folder"),
        (lambda: gvae.compare([]), "give at least one run"),
        (lambda: gvae.nonsense, "has no attribute 'nonsense'"),
    ],
)
def test_a_slip_gets_our_sentence(call, message):
    with pytest.raises((gvae.GvaeError, AttributeError), match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda r: r.encode(torch.zeros(2, 1, 9, 9), torch.zeros(2).long()),
            r"float32 \(2, 1, 9, 9\); .* works on floats",
        ),
        (lambda r: r.encode(torch.zeros(2, 1, 8, 8, dtype=torch.uint8)), r"images are uint8 \(2, 1, 8, 8\)"),
        (lambda r: r.encode(torch.full((2, 1, 8, 8), 255.0)), "images lie in 255 to 255; .* values in"),
        (lambda r: r.encode(np.zeros((2, 1, 8, 8), np.float32)), "images are a ndarray"),
        (lambda r: r.encode(torch.zeros(2, 1, 8, 8)), "conditional, but got no labels"),
        (lambda r: r.decode(torch.zeros(2, 5)), r"codes are float32 \(2, 5\); .* decodes floats \(B, 4\)"),
        (lambda r: r.decode(torch.zeros(2, 4).long()), r"codes are int64 \(2, 4\)"),
        (lambda r: r.sample(2, label=10), "no class '10'"),
        (lambda r: r.sample(2, attributes="Smiling"), "was not trained on attributes"),
        (lambda r: r.log_prob_bound(torch.zeros(2, 1, 8, 8), torch.zeros(2).long(), k=0), "k is 0"),
        (lambda r: gvae.load(r, device="abacus"), "there is no device 'abacus' here"),
        (lambda r: r.evaluate(metrics=["fdd"]), "no metric 'fdd'; did you mean 'fd'"),
    ],
)
def test_a_slip_with_a_run_gets_our_sentence(trained, call, message):
    with pytest.raises(gvae.GvaeError, match=message):
        call(trained)


def test_a_run_samples_encodes_and_bounds(trained):
    x = trained.sample(6, label=3, seed=0)
    y = torch.full((6,), 3)
    assert torch.equal(x, trained.sample(6, label="3", seed=0))
    assert torch.equal(x, trained.sample(6, y, seed=0))
    assert trained.encode(x, y).shape == (6, 4)
    assert torch.equal(trained.reconstruct(x, y), trained.decode(trained.encode(x, y), y))
    bound = trained.log_prob_bound(x, y, k=20, seed=1)
    assert torch.equal(bound, trained.log_prob_bound(x, y, k=20, seed=1))
    one = torch.stack([trained.log_prob_bound(x, y, k=1, seed=s) for s in range(20)]).mean()
    assert bound.mean() > one  # a bound rises with k


def test_opened_runs_folders_and_run_objects_serve_alike(trained):
    for form in (trained, trained.run, trained.run.path, str(trained.run.path)):
        assert torch.equal(gvae.load(form).sample(2, seed=5), trained.sample(2, seed=5))
        assert [n.name for n in gvae.evaluate(form, ["mse"], samples=20)] == ["mse"]


def test_evaluate_gives_numbers_and_compare_a_table(trained, tmp_path):
    numbers = trained.evaluate(metrics=["mse", "prdc"], samples=100)
    found = {n.name: n for n in numbers if not n.variant}
    assert set(found) == {"mse", "coverage", "density", "precision", "recall"}
    assert 0 < found["mse"].value < 0.25
    assert found["mse"].protocol["n"] == 100
    table = gvae.compare(
        [trained, gvae.train("pca", "digits", tmp_path / "p", latent=4)][:1], metrics=["mse", "coverage"]
    )
    text = table.to_csv(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text() == text
    assert text.splitlines()[0].startswith("run,mse")
    assert str(table) == table.to_markdown()
    assert table.to_latex().startswith("\\begin{tabular}{lr")


def test_arrays_are_data_too(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (120, 9, 9), dtype=np.uint8)
    data = gvae.open_data(images, labels=np.arange(120) % 3, name="made")
    assert (data.spec.name, data.spec.shape, data.spec.classes) == ("made", (9, 9), ("0", "1", "2"))
    assert np.array_equal(data.images[..., 0], images)
    run = gvae.train("vae", data, tmp_path / "r", images=128, latent=2, net={"width": 8})
    assert {n.name for n in run.evaluate(metrics=["mse"])} == {"mse"}
    later = gvae.load(run.run.path)
    with pytest.raises(gvae.GvaeError, match=r"trained on an array; give it again: evaluate\(data=images\)"):
        later.evaluate(metrics=["mse"])
    assert later.evaluate(metrics=["mse"], data=data)[0].value is not None


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_a_function_even_after_its_file_was_imported(name):
    gvae.metrics.get(name)
    function = getattr(gvae.metrics, name.replace("-", "_"))
    assert function is getattr(functions, name.replace("-", "_"))
    assert function.__doc__


def test_functions_of_arrays_agree_with_evaluate(trained):
    data = trained.dataset
    x, y = data.batch(data.split("test"))
    by_run = {n.name: n.value for n in trained.evaluate(metrics=["mse"], samples=179) if not n.variant}
    assert gvae.metrics.mse(x, trained.reconstruct(x, y)) == pytest.approx(by_run["mse"], rel=1e-4)
    gray = (127.5 * (x[:, 0] + 1)).round().numpy().astype(np.uint8)
    assert gvae.metrics.mmd(gray, gray[::-1].copy()) == pytest.approx(gvae.metrics.mmd(x, x.flip(0)), abs=1e-3)
    found = gvae.metrics.prdc(x, x, features="digits")
    assert (float(found), found["precision"]) == (1.0, 1.0)


def test_priors_serve_alone():
    z = torch.randn(400, 3, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 2.0, 0.5]) + 1
    prior = gvae.priors.Mixture(3).fit(z)
    assert isinstance(prior, gvae.priors.Mixture)
    assert prior.sample(5).shape == (5, 3)
    assert prior.log_prob(z).mean() > gvae.priors.Normal(3).fit(z).log_prob(z).mean() + 1
