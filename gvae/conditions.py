"""What a conditional run is asked for: a class by name or number, attributes by name."""

from __future__ import annotations

from collections.abc import Sequence

from gvae.errors import GvaeError, choose
from gvae.runs import Run


def label_index(opened: Run, label: str | int | None) -> int | None:
    """The number of a class given by name or number.

    Raises:
        GvaeError: an unconditional model, or no such class.
    """
    if label is None:
        return None
    label = str(label)
    if not opened.model_config.get("conditional"):
        raise GvaeError(f"{opened.path} was trained without labels: leave --label out, or train with --conditional")
    classes = opened.spec.classes
    if not classes:
        raise GvaeError(f"{opened.path} knows attributes, not classes; type --attributes {opened.spec.attributes[0]}")
    if label.isdigit() and label not in classes and int(label) < len(classes):
        return int(label)
    return classes.index(choose("class", label, classes))


def attribute_row(opened: Run, names: str | Sequence[str] | None) -> list[float] | None:
    """1 for each attribute that is named, 0 for the others; None if nothing was asked for.

    Raises:
        GvaeError: a model that knows no attributes, or no such attribute.
    """
    if names is None:
        return None
    known = opened.spec.attributes
    if not opened.model_config.get("conditional") or opened.spec.classes or not known:
        raise GvaeError(f"{opened.path} was not trained on attributes; leave --attributes out")
    listed = names.split(",") if isinstance(names, str) else names
    asked = {choose("attribute", name.strip(), known) for name in listed if name.strip()}
    return [float(name in asked) for name in known]
