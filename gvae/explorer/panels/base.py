"""What a view is: which runs it fits, and what it can be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gvae.explorer.answers import Answer
from gvae.explorer.queries import Query
from gvae.explorer.renderer import Renderer

Question = Callable[[Renderer, Query], Answer]


def always(renderer: Renderer) -> bool:
    """Every run has this view."""
    return True


@dataclass(frozen=True)
class Panel:
    """A view of the explorer."""

    title: str
    about: str
    """one line under the title"""
    fits: Callable[[Renderer], bool] = always
    """whether a run has it"""
    questions: Mapping[str, Question] = field(default_factory=dict)
    """what it can be asked, by the last word of the address"""
    runs: int = 1
    """runs that it needs"""
