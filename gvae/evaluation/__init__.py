"""Evidence: numbers with their protocol from a run folder, and tables of several runs."""

from gvae.evaluation.compare import compare
from gvae.evaluation.evaluate import evaluate

__all__ = ["compare", "evaluate"]
