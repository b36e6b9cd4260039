"""The routes of the page. Every path is relative to wherever a proxy shows it; what each answers is one short function."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from adaptd.gateway.commands import Commander
from adaptd.gateway.feed import Feed, Seen, utc_ms
from adaptd.gateway.latency import Latencies
from adaptd.gateway.logbook import Logbook
from adaptd.gateway.metrics import Sight, render
from adaptd.gateway.spool import read_view
from adaptd.gateway.web.guard import COOKIE
from adaptd.gateway.web.stream import Glimpse, Stream, state_words
from adaptd.gateway.web.tokens import Caller

STATIC = Path(__file__).parent / "static"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; sandbox allow-scripts"


@dataclass(slots=True)
class Parts:
    """What the routes answer from."""

    feed: Feed
    logbook: Logbook
    latencies: Latencies
    commander: Commander
    glimpse: Glimpse
    stream: Stream
    box: str
    version: str
    state: Path


def make_app(parts: Parts) -> Starlette:
    """The application, without its guard."""
    routes = Routes(parts)
    return Starlette(
        routes=[
            Route("/", routes.page),
            Route("/health", routes.health),
            Route("/metrics", routes.metrics),
            Route("/api/status", routes.status),
            Route("/api/history", routes.history),
            Route("/api/view/{name}", routes.view),
            Route("/api/verify", routes.verify, methods=["POST"]),
            Route("/api/command/{verb}", routes.command, methods=["POST"]),
            Route("/api/preview.jpg", routes.preview),
            Route("/report", routes.report),
            Route("/api/stream", parts.stream),
            Mount("/static", app=StaticFiles(directory=STATIC)),
        ]
    )


class Routes:
    """One method a path."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def page(self, request: Request) -> Response:
        """The page; ``?token=`` becomes a cookie first, so that it does not stay in the address."""
        if "token" not in request.query_params:
            return Response((STATIC / "index.html").read_bytes(), media_type="text/html; charset=utf-8")
        answer = RedirectResponse("./", status_code=303)
        path = f"{request.scope.get('prefix', '')}/"
        answer.set_cookie(COOKIE, request.query_params["token"], path=path, httponly=True, samesite="strict", max_age=30 * 86_400)
        return answer

    async def health(self, _: Request) -> Response:
        """Whether the daemon answers and decides: 200 or 503, one word, for anybody."""
        state = self._parts.feed.latest
        well = isinstance(state, Seen) and not state.document.get("stalled")
        return PlainTextResponse("ok\n" if well else "away\n", 200 if well else 503)

    async def status(self, _: Request) -> Response:
        """The state as the stream sends it."""
        return JSONResponse(state_words(self._parts.feed.latest))

    async def history(self, request: Request) -> Response:
        """Columns of the last hour or day."""
        span = self._parts.logbook.spans.get(request.query_params.get("span", "hour"))
        if span is None:
            return PlainTextResponse("span: is none of hour, day\n", 400)
        return JSONResponse({**span.words(utc_ms()), "log": self._parts.logbook.history})

    async def view(self, request: Request) -> Response:
        """An application's figures; null where it left none."""
        return JSONResponse({"view": read_view(self._parts.state, request.path_params["name"])})

    async def metrics(self, _: Request) -> Response:
        parts = self._parts
        sight = Sight(parts.feed.latest, parts.latencies.histograms, parts.logbook.size_bytes, parts.box, parts.version)
        return Response(render(sight), headers={"content-type": METRICS_TYPE})

    async def verify(self, _: Request) -> Response:
        """Run the verifier over the log; one run at a time."""
        if not await self._parts.logbook.verify():
            return PlainTextResponse("the verifier is on its way already, or the log's folder is not known yet\n", 409)
        return JSONResponse(self._parts.logbook.verification())

    async def preview(self, _: Request) -> Response:
        """The camera's newest picture; one a second for however many look."""
        found = await self._parts.glimpse.picture()
        if isinstance(found, str):
            return PlainTextResponse(f"{found}\n", 404)
        return Response(found, media_type="image/jpeg")

    async def report(self, _: Request) -> Response:
        """The log's report as a page of its own, sealed off from this one."""
        drawn = await self._parts.logbook.report()
        if isinstance(drawn, str):
            return PlainTextResponse(f"{drawn}\n", 503)
        return Response(drawn, media_type="text/html; charset=utf-8", headers={"content-security-policy": REPORT_POLICY})

    async def command(self, request: Request) -> Response:
        """Ask the daemon for a change, for a caller who has that right."""
        caller: Caller = request.scope["caller"]
        if self._parts.commander.enabled and not caller.may_command:
            return PlainTextResponse("this caller may only read, a line with `commands` in the --token-file lets it ask\n", 403)
        try:
            body: Any = json.loads(await request.body() or b"{}")
        except (ValueError, RecursionError):
            body = None
        answer = await self._parts.commander.ask(request.path_params["verb"], body, caller.name)
        return PlainTextResponse(f"{answer.words}\n", answer.status)
