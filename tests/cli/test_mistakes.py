"""Every mistake at the keyboard: one line on stderr that says what to type, exit code 2, no traceback."""

from __future__ import annotations

import pytest

from gvae import cli

MISTAKES = [
    ("trian", "no command 'trian'; did you mean 'train'"),
    ("train", "name the model first: `gvae train MODEL --data NAME`. Models: aae, ac-gan"),
    ("train --data digits", "name the model first"),
    ("train gvea --data digits", "no model 'gvea'; did you mean 'gvae'? Known: aae, ac-gan"),
    ("train vae", "Missing from gvae train vae: --data NAME"),
    ("train vae --data", "Missing value for argument '--data'"),
    ("train vae --data digits --latnt 3", "called '--latnt'; did you mean '--latent'"),
    ("train vae --data digits --latnt=3", "called '--latnt'; did you mean '--latent'"),
    ("train vae --data digits --net.famly conv", "did you mean '--net.family'"),
    ("train vae --data digits --net.family cnov", "--net.family: there is no value 'cnov'; did you mean 'conv'"),
    ("train vae --data digits --images 60x", "--images: '60x' is not a whole number; write it like 60000, 60k or 3M"),
    ("train vae --data digits --lr fast", "--lr: 'fast' is not a number"),
    ("train vae --data digits --images 9 --minutes 9", "--images or --minutes, not both"),
    ("train vae --data digits extra", "does not understand 'extra'"),
    ("train gvae --data digits --preset papre", "no preset of gvae called 'papre'; did you mean 'paper'"),
    ("train vae --data digts", "no data set 'digts'; did you mean 'digits'"),
    ("train vae --data digits --size 16", "option size does not apply to digits"),
    ("train vae --data mnist --data-root nowhere/at/all --dry-run", "there is no folder nowhere/at/all"),
    ("resume nowhere", "nowhere is not a run folder"),
    ("resume", "Missing from gvae resume"),
    ("resume nowhere --images 3M --minutes 3", "--images or --minutes, not both"),
    ("sample nowhere", "nowhere is not a run folder"),
    ("sample nowhere -n 0", "-n is 0; it must be from 1 to 10M"),
    ("reconstruct nowhere --data digits", "nowhere is not a run folder"),
    ("evaluate nowhere", "nowhere is not a run folder"),
    ("evaluate nowhere --samples 1", "--samples is 1"),
    ("compare", "name the run folders"),
    ("compare nowhere", "nowhere is not a run folder"),
    ("show gvea", "no model or run folder 'gvea'; did you mean 'gvae'"),
    ("show runs/none", "there is no run folder runs/none"),
    ("show no_such_package:Model", "cannot import no_such_package of model 'no_such_package:Model'"),
    ("data lst", "no command after `gvae data` called 'lst'; did you mean 'list'"),
    ("data list more", "takes nothing more, got 'more'"),
    ("data inspect mnits", "no data set 'mnits'; did you mean 'mnist'"),
    ("data prepare digits", "Missing from gvae data prepare: --out PATH"),
    ("data fetch digits", "nothing to fetch for digits"),
    ("reproduce", "Missing from gvae reproduce"),
    ("reproduce tyo", "no table 'tyo'; did you mean 'toy'"),
    ("reproduce toy --only vea", "no row 'vea'; did you mean 'vae'"),
    ("reproduce toy --seed 1 --seeds 2", "--seeds says how many and --seed which one"),
    ("reproduce toy --images 0", "--images is 0; it must be from 1 to 1000G"),
    ("train vae --data toy4 --likelihood laplace --dry-run", "use --likelihood bernoulli"),
    ("train vae --data digits --bound iwae --k 0 --dry-run", "--k is 0; it must be from 1 to 10,000"),
    ("train vae-nf --data digits --steps 0 --dry-run", "--steps is 0"),
    ("train draw --data digits --glimpses 0 --dry-run", "--glimpses is 0"),
    ("train pca --data digits --latent 64 --dry-run", "has fewer components"),
    ("train vae --data digits --components -1 --dry-run", "--components is -1; it must be from 0 to 100,000"),
    ("train vae --data digits --learn-prior --prior flow --dry-run", "--learn-prior needs a prior"),
    ("evaluate nowhere --bound-images 0", "--bound-images is 0"),
    ("train gan --data digits --flip", "a mirrored image is none of digits"),
    ("train gan --data toy4 --augment diff --dry-run", "toy4 has a side of 2; it needs 8 or more"),
    ("train wgan --data digits --penalty 10", "option of `gvae train wgan` called '--penalty'"),
    ("train wgan --data digits --penalty 10", "--penalty is an option of "),
    ("train gvae --data digits --adversarial wasserstein --augment adaptive --dry-run", "use --augment diff"),
    ("train wgan --data digits --net.spectral --dry-run", "use wgan-gp or gan with it"),
    ("sample nowhere --weights bets", "no value 'bets'; did you mean 'best'"),
    ("reproduce gans-vs-vae", "no table 'gans-vs-vae'; did you mean 'gans-vs-vaes'"),
    ("quickstart --images 1 --minutes 1", "not both"),
]


def never(*arguments):
    """A mistake that went unnoticed must not start a training of hours."""
    raise AssertionError(f"this started a training: {arguments}")


@pytest.mark.parametrize(("line", "told"), MISTAKES)
def test_one_line_and_exit_code_2(gvae, line, told, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gvae.training.train", never)
    answer = gvae(*line.split())
    assert answer.code == 2
    assert told in answer.error
    assert answer.error.startswith("gvae: ")
    assert answer.error.count("\n") == 1
    assert "│" not in answer.error
    assert answer.out == ""
    assert list(tmp_path.iterdir()) == []


def test_other_ends(gvae, monkeypatch):
    def interrupted(words):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "dispatch", interrupted)
    assert gvae("train") == (130, "", "gvae: interrupted\n")


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    import subprocess
    import sys

    code = (
        "import os, sys\n"
        "from gvae import cli\n"
        "read, write = os.pipe(); os.close(read); os.dup2(write, 1)\n"
        "sys.exit(cli.main(['--help']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (141, "")
