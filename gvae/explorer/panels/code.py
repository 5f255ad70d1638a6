"""What every view asks: the picture of a code, the code itself, and facts about the run."""

from __future__ import annotations

from typing import Any

from gvae.explorer.answers import Picture, png
from gvae.explorer.asks import Ask, packed
from gvae.explorer.panels.base import Question
from gvae.explorer.renderer import Renderer


def picture(renderer: Renderer, ask: Ask) -> Picture:
    """The image of a code at its own size, as PNG; with draft=1 in less time and less exact."""
    return png(renderer.decode(renderer.code(ask)[None], renderer.told(ask), bool(ask.text("draft"))))


def code(renderer: Renderer, ask: Ask) -> dict[str, Any]:
    """The numbers of a code, and the code as an address holds it."""
    z = renderer.code(ask)
    return {"values": z.tolist(), "code": f"z:{packed(z.numpy())}"}


def look(renderer: Renderer, ask: Ask) -> Picture:
    """An image of the data, or one that was sent, as the network sees it."""
    return png(renderer.image(ask.text("code", "test:0"))[0])


def facts(renderer: Renderer, ask: Ask) -> dict[str, Any]:
    """What a page has to know about a run before it can ask for anything."""
    spec, model = renderer.spec, renderer.space.model
    return {
        "name": renderer.run.path.resolve().name,
        "model": renderer.run.model,
        "data": renderer.run.data,
        "shape": spec.shape,
        "channels": spec.channels,
        "latent": renderer.space.size,
        "conditions": spec.conditions if model.condition else (),
        "classes": bool(model.classes),
        "encodes": renderer.encodes,
        "uploads": spec.spatial == 2 and len(set(spec.shape)) == 1,
        "drafts": renderer.drafts,
        "stale": renderer.stale,
    }


QUESTIONS: dict[str, Question] = {"picture": picture, "code": code, "look": look, "facts": facts}
