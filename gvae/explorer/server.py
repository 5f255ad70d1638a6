"""The explorer's routes: they hand what a page asks to the worker, and make every mistake a sentence. Knows no models.

GET  /                                  the page, and its scripts and styles by their names
GET  /api/runs                          runs, views, and which view fits which run
GET  /api/RUN/QUESTION?...              what every view asks of a run, by its number
GET  /api/RUN/PANEL/QUESTION?...        what one view asks
POST /api/RUN/upload                    a picture as the body; answers with its name
"""

from __future__ import annotations

import asyncio
import mimetypes
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from gvae.errors import GvaeError
from gvae.explorer.panels import panels
from gvae.explorer.panels.base import Panel, Question
from gvae.explorer.panels.code import QUESTIONS, facts
from gvae.explorer.queries import LONGEST, Query
from gvae.explorer.renderer import Renderer
from gvae.explorer.uploads import BYTES
from gvae.explorer.worker import Busy, Superseded, Worker

STATIC = files("gvae.explorer").joinpath("static")
NUMBERS = "a run is asked by its number, as in /api/0/picture"
FAULT = "the explorer failed; what happened is in the terminal that it was started from"


class Studio:
    """The runs that are open, the views, and the thread that computes."""

    def __init__(self, renderers: Sequence[Renderer], worker: Worker) -> None:
        self.renderers, self.worker = renderers, worker
        self.panels: Mapping[str, Panel] = panels()

    def renderer(self, number: int) -> Renderer:
        """A run by its number."""
        if not 0 <= number < len(self.renderers):
            raise HTTPException(404, f"there is no run {number}; runs are 0 to {len(self.renderers) - 1}")
        return self.renderers[number]

    def fits(self, panel: Panel, renderer: Renderer) -> bool:
        """Whether a view is shown for a run."""
        return len(self.renderers) >= panel.runs and panel.fits(renderer)

    def question(self, renderer: Renderer, panel: str, name: str) -> Question:
        """What a view asks of a run."""
        view = self.panels.get(panel)
        if view is None or name not in view.questions:
            raise HTTPException(404, f"there is no question '{panel[:40]}/{name[:40]}'")
        if not self.fits(view, renderer):
            raise GvaeError(
                f"{view.title} does not fit {renderer.run.path.name}, a {renderer.run.model}; choose another view"
            )
        return view.questions[name]

    async def ask(self, request: Request, renderer: Renderer, question: Question) -> Response:
        """Let the worker answer a question."""
        if len(request.url.query) > LONGEST:
            raise HTTPException(414, f"the address is longer than {LONGEST} characters; it must be shorter")
        words = dict(request.query_params)
        return await self.compute(request, lambda: question(renderer, Query(words)))

    async def compute(self, request: Request, job: Callable[[], Any]) -> Response:
        """Let the worker do something for whoever asks; the newest request of a client counts."""
        client = request.query_params.get("client") or str(id(request))
        answer = await asyncio.wrap_future(self.worker.submit(client[:80], job))
        if isinstance(answer, dict):
            return as_json(answer)
        return Response(answer.content, media_type=answer.kind)

    def summary(self) -> dict[str, Any]:
        """Runs and views for the page."""
        views = [{"name": name, "title": p.title, "about": p.about} for name, p in self.panels.items()]
        runs = [
            {
                **facts(renderer, Query({})),
                "panels": [name for name, panel in self.panels.items() if self.fits(panel, renderer)],
            }
            for renderer in self.renderers
        ]
        return {"panels": views, "runs": runs}


def as_json(answer: dict[str, Any]) -> Response:
    """An answer as JSON.

    Raises:
        GvaeError: it has numbers that JSON has no word for.
    """
    try:
        return JSONResponse(answer)
    except ValueError:
        raise GvaeError("the model gives numbers that are not finite; its training has diverged") from None


def static_files(folder: Traversable = STATIC, below: str = "") -> dict[str, bytes]:
    """Everything the page is made of, by its path; read once, so that no request reaches the disk."""
    found: dict[str, bytes] = {}
    for entry in folder.iterdir():
        name = f"{below}{entry.name}"
        found |= static_files(entry, f"{name}/") if entry.is_dir() else {name: entry.read_bytes()}
    return found


def build(renderers: Sequence[Renderer], worker: Worker) -> FastAPI:
    """The app without its guard.

    Args:
        renderers: the runs; a page names them by their number.
        worker: computes the answers.
    """
    studio, static = Studio(renderers, worker), static_files()
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    sentences(app)

    @app.get("/api/runs")
    async def runs() -> dict[str, Any]:
        return studio.summary()

    @app.get("/api/{number}/{name}")
    async def common(number: int, name: str, request: Request) -> Response:
        if name not in QUESTIONS:
            raise HTTPException(404, f"there is no question '{name[:40]}'")
        return await studio.ask(request, studio.renderer(number), QUESTIONS[name])

    @app.get("/api/{number}/{panel}/{name}")
    async def of_panel(number: int, panel: str, name: str, request: Request) -> Response:
        renderer = studio.renderer(number)
        return await studio.ask(request, renderer, studio.question(renderer, panel, name))

    @app.post("/api/{number}/upload")
    async def upload(number: int, request: Request) -> Response:
        renderer, content = studio.renderer(number), await body(request)
        return await studio.compute(request, lambda: {"name": f"up:{renderer.uploads.add(content)}"})

    @app.get("/{path:path}")
    async def page(path: str) -> Response:
        name = path or "index.html"
        if name not in static:
            raise HTTPException(404, "there is nothing at this address; start at /")
        return Response(static[name], media_type=mimetypes.guess_type(name)[0] or "text/plain")

    return app


async def body(request: Request) -> bytes:
    """The body of a request, refused as soon as it is too long."""
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > BYTES:
            raise HTTPException(413, f"the picture has more than {BYTES // 2**20} MiB; make it smaller")
        parts.append(part)
    return b"".join(parts)


def sentences(app: FastAPI) -> None:
    """Every mistake is answered with a status and one sentence."""

    def say(status: int, sentence: str) -> JSONResponse:
        return JSONResponse({"error": sentence}, status)

    app.add_exception_handler(GvaeError, lambda request, error: say(400, str(error)))
    app.add_exception_handler(HTTPException, lambda request, error: say(error.status_code, str(error.detail)))  # pyright: ignore[reportAttributeAccessIssue]
    app.add_exception_handler(Superseded, lambda request, error: say(409, "something newer was asked for"))
    app.add_exception_handler(Busy, lambda request, error: say(429, "too many are asking; try again"))
    app.add_exception_handler(OSError, lambda request, error: say(410, f"a file of the run cannot be read ({error})"))
    app.add_exception_handler(ClientDisconnect, lambda request, error: say(400, "the picture was not sent whole"))
    app.add_exception_handler(RequestValidationError, lambda request, error: say(404, NUMBERS))
    app.add_exception_handler(Exception, lambda request, error: say(500, FAULT))
