"""Licence and citation of a set of the Hugging Face hub: what it says itself, else its dataset card."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

CITATION = re.compile(r"^#+[^\n]*citation[^\n]*\n+```[a-z]*\n(.*?)\n```", re.IGNORECASE | re.MULTILINE | re.DOTALL)
"""the citation in a dataset card"""


def about(name: str, config: str | None, parts: dict[str, Any]) -> dict[str, Any]:
    """Source, licence and citation.

    Args:
        name, config: of the set, or its folder.
        parts: the set's splits by name.
    """
    info = next(iter(parts.values())).info
    licence, citation = card_of(name)
    where = f"{name}, configuration {config}" if config else name
    return {
        "source": f"{where}, through the library of the Hugging Face hub",
        "licence": info.license or licence or "not stated by its dataset card",
        "citation": info.citation or citation,
    }


def card_of(name: str) -> tuple[str, str]:
    """Licence and citation of a dataset card; nothing where there is none or no connection."""
    from huggingface_hub import DatasetCard

    place = Path(name) / "README.md" if Path(name).is_dir() else name
    try:
        card = DatasetCard.load(place)
    except Exception:  # no card, no connection, a damaged header: that the licence is not known will be said
        return "", ""
    licence = getattr(card.data, "license", None) or ""
    cited = CITATION.search(card.text)
    stated = ", ".join(licence) if isinstance(licence, list) else str(licence)
    return stated, cited[1].strip() if cited else ""
