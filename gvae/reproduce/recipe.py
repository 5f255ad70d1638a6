"""What a table of the papers is made of: columns, recipes of its rows, and budgets. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Column:
    """One column: which number of metrics.json, and how it is headed."""

    number: str
    """`Number.name`"""
    title: str
    digits: int = 2
    scale: float = 1.0
    """factor on the number, such as 1000 for a small one"""


@dataclass(frozen=True)
class Recipe:
    """One row: a model with the options in which it differs from its defaults."""

    label: str
    model: str
    changes: dict[str, Any] = field(default_factory=dict)
    paper: dict[str, str] = field(default_factory=dict)
    """what the papers print, by column"""
    note: str = ""
    """what a reader must know about our number, or about both"""
    paper_note: str = ""
    """what a reader must know about the papers' number"""
    times: float = 1.0
    """its training, as a multiple of the budget's"""
    preset: str | None = None
    """the preset that has the paper's sizes; a budget with `presets` begins with its options"""

    @property
    def remarks(self) -> str:
        """All that a reader must know, in one line."""
        return "; ".join(note for note in (self.note, self.paper_note) if note)


@dataclass(frozen=True)
class Budget:
    """How much training and measuring."""

    changes: dict[str, Any]
    """options of every training, the budget in images among them"""
    seeds: tuple[int, ...]
    samples: int = 10_000
    bound_images: int | None = None
    presets: bool = False
    """whether models have the papers' sizes, where a recipe names the preset that has them"""


@dataclass(frozen=True)
class Experiment:
    """A table that `gvae reproduce` fills."""

    title: str
    about: str
    """what the rows have in common, for the text above the table"""
    data: str
    metrics: tuple[str, ...]
    columns: tuple[Column, ...]
    recipes: tuple[Recipe, ...]
    budgets: dict[str, Budget]
    curves: bool = False
    """whether the page has quality over training as well"""
    verdict: Callable[[Any], str] | None = None
    """what the measured rows, by label, say of the papers' claim; empty while too few are there"""

    def on(self, data: str) -> Experiment:
        """The same table for another data set, which its title names; without the papers' figures."""
        if data == self.data:
            return self
        ours = tuple(replace(recipe, paper={}, paper_note="") for recipe in self.recipes)
        return replace(self, data=data, title=f"{self.title}, {data}", recipes=ours)
