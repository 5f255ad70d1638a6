"""The table of docs/how-to/edit-and-morph.md: what adding an attribute to a face's code does to its picture."""

from __future__ import annotations

from benchmarks.rows import Row, read
from benchmarks.tables.text import origin
from gvae.reproduce.table import pipes

TITLES = [
    "attribute",
    "method",
    "AUC",
    "alpha",
    "logit changed as asked",
    "classified as asked, before",
    "after",
    "change of others",
    "classifier on reconstructions",
]


def edits() -> str:
    """A table for each run of faces."""
    return "\n\n".join(map(edited, read("latent").values()))


def edited(row: Row) -> str:
    """The table of one run."""
    lines = [line(row, key, edit) for key, found in row["edits"].items() for edit in found["edits"]]
    faces = f"{row['faces']} held-out faces of {row['data']}:"
    return f"{faces}\n\n{pipes([TITLES, *lines])}\n\n{origin(row)}"


def line(row: Row, key: str, edit: Row) -> list[str]:
    """One attribute, method and strength."""
    attribute, method = key.split()
    sure = row["classifier"][attribute]["reconstructed"]["balanced"]
    shares = [f"{edit[name]:.0%}" for name in ("moved", "before", "turned", "others")]
    return [attribute, method, f"{row['edits'][key]['auc']:.2f}", f"{edit['alpha']:g}", *shares, f"{sure:.0%}"]
