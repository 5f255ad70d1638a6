"""What every view asks: the picture of a code, the code itself, and facts about the run."""

from __future__ import annotations

from typing import Any

from gvae.explorer.answers import Picture, png
from gvae.explorer.panels.base import Question
from gvae.explorer.queries import Query, packed
from gvae.explorer.renderer import Renderer
from gvae.latent.pictures import takes_pictures


def picture(renderer: Renderer, query: Query) -> Picture:
    """The image of a code at its own size, as PNG; with draft=1 in less time and less exact."""
    return png(renderer.decode(renderer.code(query)[None], renderer.condition(query), bool(query.text("draft"))))


def code(renderer: Renderer, query: Query) -> dict[str, Any]:
    """The numbers of a code, and the code as an address holds it."""
    z = renderer.code(query)
    return {"values": z.tolist(), "code": f"z:{packed(z.numpy())}"}


def look(renderer: Renderer, query: Query) -> Picture:
    """An image of the data, or one that was sent, as the network sees it."""
    return png(renderer.image(query.text("code", "test:0"))[0])


def facts(renderer: Renderer, query: Query) -> dict[str, Any]:
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
        "uploads": takes_pictures(spec),
        "drafts": renderer.drafts,
        "stale": renderer.stale,
    }


QUESTIONS: dict[str, Question] = {"picture": picture, "code": code, "look": look, "facts": facts}
