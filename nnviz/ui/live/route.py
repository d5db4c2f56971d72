"""The route: a WebSocket, and the same once at a time by HTTP where a proxy lets no WebSocket of ours through.

A page sends {"wish": …, "number": n} for what it wants to see, {"drawn": true} when it has drawn what it got, and
{"pick": …} for the number of another test image. It gets pictures as bytes (`network_view`), all else as JSON text.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache, partial
from typing import Any, TypeVar

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from streamlit import config
from streamlit.web.server.server_util import is_url_from_allowed_origins
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from nnviz.data.datasets import DataError
from nnviz.data.drawing import MAX_JSON_BYTES
from nnviz.store.database import StoreError
from nnviz.store.run import RunGone
from nnviz.train.checkpoint import CheckpointError
from nnviz.ui import services
from nnviz.ui.live.images import pick
from nnviz.ui.live.pictures import Pictures
from nnviz.ui.live.progress import finding, progress
from nnviz.ui.live.wish import Wish, WishError, number_of, parse, wish_of
from nnviz.ui.memory import kept

LOOK_EVERY = 0.02
"""Seconds between two looks for something new, for a page that has drawn all it got, while something moves; ..."""

REST_EVERY = 0.25
"""... and after a second without anything new."""

TELL_EVERY = 0.25
"""Seconds between two words of how far a run is."""

EXAMINE_EVERY = 3.0
"""Seconds between two looks of the doctor."""

T = TypeVar("T")

PATH, ONCE = "live", "live/once"


def routes() -> list[BaseRoute]:
    """For `st.App`."""
    return [WebSocketRoute(address(PATH), _follow), Route(address(ONCE), _once, methods=["POST"])]


def address(path: str) -> str:
    """Under the path that the server is told to live under (`server.baseUrlPath`)."""
    base = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return f"/{base}/{path}" if base else f"/{path}"


class _Viewer:
    """One page that looks on."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._wish: Wish | None = None
        self._number = 0
        self._seen = ""
        self._told: dict[str, str] = {}
        """What was said last of each kind, since the last wish."""
        self._ready, self._wished = asyncio.Event(), asyncio.Event()

    async def listen(self) -> None:
        """Take what the page says, until it goes."""
        while True:
            try:
                message = parse(await self._hear())
                if "pick" in message:
                    await self._say({"picked": await _in_turn(partial(pick, _pictures(), message["pick"]))})
                if "wish" in message:
                    self._wish, self._number = wish_of(message["wish"]), number_of(message)
                    self._seen, self._told = "", {}
                    self._wished.set()
                if "wish" in message or message.get("drawn"):
                    self._ready.set()
            except _LOST as error:
                await self._say(_lost(error))

    async def _hear(self) -> str:
        try:
            return await self._socket.receive_text()
        except KeyError:
            raise WishError("a message must be text") from None

    async def show(self) -> None:
        """Send what has changed, whenever the page has drawn what it had."""
        still = 0.0
        while True:
            await self._ready.wait()
            self._wished.clear()
            wish, number, made = self._wish, self._number, None
            try:
                made = await _in_turn(partial(_pictures().newer, wish, self._seen)) if wish else None
            except _LOST as error:
                still = 1.0
                if wish is self._wish:
                    await self._tell(_lost(error))
            if self._wished.is_set():  # for something else meanwhile
                still = 0.0
            elif made is None:
                every = LOOK_EVERY if still < 1 else REST_EVERY
                still += every
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._wished.wait(), every)
            else:
                still, self._seen = 0.0, made.token
                self._ready.clear()
                await self._socket.send_bytes(struct.pack("<d", number) + made.message)

    async def tell(self) -> None:
        """Say how far the run is."""
        while True:
            if self._wish and (run := self._wish.run):
                with suppress(*_LOST):
                    await self._tell_text("progress", await _in_turn(partial(_how_far, run), "progress"))
            await asyncio.sleep(TELL_EVERY)

    async def examine(self) -> None:
        """Say what the doctor finds."""
        while True:
            if self._wish and (run := self._wish.run):
                with suppress(*_LOST):
                    found = await _in_turn(partial(finding, services.store(), run), "doctor")
                    await self._tell({"finding": {"run": run, "words": found}})
            await asyncio.sleep(EXAMINE_EVERY)

    async def _tell(self, what: dict[str, Any]) -> None:
        await self._tell_text(next(iter(what)), _json(what))

    async def _tell_text(self, kind: str, text: str) -> None:
        """Unless it is what was said last of this kind."""
        if self._told.get(kind) != text:
            self._told[kind] = text
            await self._socket.send_text(text)

    async def _say(self, what: dict[str, Any]) -> None:
        """An answer, even if it is the same again."""
        await self._socket.send_text(_json(what))


def _json(what: dict[str, Any]) -> str:
    return json.dumps(what, separators=(",", ":"), allow_nan=False)


async def _follow(socket: WebSocket) -> None:
    if not await _allowed(socket.headers.get("Origin"), socket.headers.get("Host")):
        await socket.close(1008)
        return
    await socket.accept()
    viewer = _Viewer(socket)
    work = [asyncio.ensure_future(one()) for one in (viewer.listen, viewer.show, viewer.tell, viewer.examine)]
    try:
        await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in work:
            one.cancel()
        for end in await asyncio.gather(*work, return_exceptions=True):
            if isinstance(end, Exception) and not isinstance(end, WebSocketDisconnect | RuntimeError):
                raise end


async def _once(request: Request) -> Response:
    """What is wished for, for a page that asks: a picture, or without a change how far the run is."""
    if not await _allowed(request.headers.get("Origin"), request.headers.get("Host")):
        return JSONResponse({"problem": "not from there"}, 403)
    try:
        message = parse(await _body(request))
        if "pick" in message:
            return JSONResponse({"picked": await _in_turn(partial(pick, _pictures(), message["pick"]))})
        wish, number = wish_of(message.get("wish")), number_of(message)
        if wish.run and message.get("progress"):
            told = await _in_turn(partial(_how_far, wish.run), "progress")
            return Response(told, media_type="application/json")
        made = await _in_turn(partial(_pictures().newer, wish, str(message.get("seen") or "")))
    except _LOST as error:
        return JSONResponse(_lost(error))
    if made is None:
        return Response(status_code=204)
    return Response(
        struct.pack("<d", number) + made.message, media_type="application/octet-stream", headers={"X-Seen": made.token}
    )


@kept(seconds=0.8 * TELL_EVERY)
def _how_far(run_id: str) -> str:
    """Worked out once for all who follow the run."""
    return _json({"progress": progress(services.store(), run_id)})


async def _body(request: Request) -> str:
    """What was sent. Raises WishError as soon as it is too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_JSON_BYTES:
            raise WishError(f"a message must be at most {MAX_JSON_BYTES:,} bytes long")
    return body.decode(errors="replace")


_LOST = (RunGone, CheckpointError, DataError, StoreError, WishError, OSError)
"""What may be wrong with a wish, or happen to a run under those who look at it."""


def _lost(error: Exception) -> dict[str, Any]:
    return {"gone" if isinstance(error, RunGone) else "problem": f"{error}."}


async def _allowed(origin: str | None, host: str | None) -> bool:
    """As Streamlit judges: the page itself, and those whom `server.corsAllowedOrigins` names."""
    if not is_host_allowed(host):
        return False
    if origin is None or origin.partition("://")[2] == host:
        return True
    return await asyncio.to_thread(is_url_from_allowed_origins, origin)  # which may ask for this machine's address


@st.cache_resource(show_spinner=False)
def _pictures() -> Pictures:
    return Pictures(services.store())


@cache
def _thread(name: str) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix=name)


async def _in_turn(work: Callable[[], T], name: str = "pictures") -> T:
    """One at a time of each kind for the whole server: with many pages the rate falls, and nothing queues, since each
    page has one picture on its way at most.
    """
    return await asyncio.get_running_loop().run_in_executor(_thread(name), work)
