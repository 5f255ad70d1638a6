"""Training: `train` makes a run, `resume` goes on with one."""

from gvae.training.start import resume, train

__all__ = ["resume", "train"]
