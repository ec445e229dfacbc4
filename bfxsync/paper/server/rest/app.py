"""Serves the REST endpoints inside the event loop."""

from __future__ import annotations

import asyncio
from typing import Any, Awaitable, Callable, Iterator, Mapping

from aiohttp import web

from bfxsync.paper.server.market_data import MarketData
from bfxsync.paper.server.rest.limits import RateLimits
from bfxsync.paper.server.rest.private import PrivateApi
from bfxsync.paper.server.rest.query import RATE_LIMIT, Query, Refused
from bfxsync.paper.server.rest.routes import ROUTES, RestRoute
from bfxsync.paper.server.wire_json import decode, encode
from bfxsync.paper.settings import Counters, ExchangeSettings

PATH = "/v2/"
# Rows that are encoded before other tasks get a turn.
_BURST = 500


class RestApi:
    """
    Handlers of all routes.

    Parameters
    ----------
    limits : RateLimits or None
        None disables rate limits.
    private : PrivateApi
        Authenticates signed requests.
    """

    def __init__(
        self,
        market_data: MarketData,
        counters: Counters,
        limits: RateLimits | None,
        private: PrivateApi,
        settings: ExchangeSettings,
    ) -> None:
        self._market_data = market_data
        self._counters = counters
        self._limits = limits
        self._private = private
        self._settings = settings
        self._open: set[asyncio.Transport] = set()

    def add_to(self, app: web.Application) -> None:
        """Add the routes to an application."""
        for route in ROUTES:
            app.router.add_route(route.method, PATH + route.path, self._handler(route))
        app.router.add_post(PATH + "auth/{path:.*}", self._handler(None))

    def hang_up(self) -> None:
        """Abort the connections with a request in progress."""
        for transport in list(self._open):
            transport.abort()

    def _handler(
        self, route: RestRoute | None
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            transport = request.transport
            if transport is None:  # already disconnected
                return web.Response()
            self._open.add(transport)
            response: web.StreamResponse = web.Response()
            try:
                if self._is_lost("lost_request", request):
                    return web.Response()
                response = await self._respond(route, request)
                if self._is_lost("lost_answer", request):
                    return response
                # Sent here, so that the connection stays registered until all is read.
                transport.set_write_buffer_limits(0)
                await asyncio.wait_for(_send(response, request), self._settings.idle_s)
            except asyncio.TimeoutError:
                transport.abort()
            finally:
                self._open.discard(transport)
            return response

        return handle

    def _is_lost(self, fault: str, request: web.Request) -> bool:
        """Abort the connection if such a fault is armed for the path."""
        faults = self._market_data.faults
        if not faults.armed or request.transport is None:
            return False
        path = request.raw_path.partition("?")[0][len(PATH) :]
        if faults.fire(fault, path=path) is None:
            return False
        request.transport.abort()
        return True

    async def _respond(
        self, route: RestRoute | None, request: web.Request
    ) -> web.Response:
        self._counters.rest_requests += 1
        try:
            text, status = await self._answer(route, request), 200
        except Refused as refused:
            text = encode(["error", refused.code, refused.message])
            status = refused.status
        return web.Response(text=text, status=status, content_type="application/json")

    async def _answer(self, route: RestRoute | None, request: web.Request) -> str:
        found = self._private.find(request.raw_path) if route is None else None
        if found is not None:
            route = found.route
        assert route is not None
        limits = self._limits
        client = request.remote or ""
        if limits is not None and not limits.admits(
            client, route.group, route.per_minute
        ):
            self._counters.rest_refusals += 1
            raise Refused("ratelimit: error", RATE_LIMIT, 429)
        sent = await self._body(request)
        if found is not None:
            query: Query = self._private.authorize(found, request.headers, sent)
        else:
            values = {**request.query, **_parameters(sent), **request.match_info}
            query = Query(self._market_data, values)
        answer = route.answer(query)
        return await _join(answer) if isinstance(answer, Iterator) else encode(answer)

    async def _body(self, request: web.Request) -> bytes:
        timeout_s = self._settings.request_timeout_s
        try:
            return await asyncio.wait_for(request.read(), timeout_s)
        except asyncio.TimeoutError:
            # As a proxy does. The connection is closed, since the rest of the body may follow.
            raise Refused("request: timeout", status=408) from None


async def _send(response: web.Response, request: web.Request) -> None:
    await response.prepare(request)
    await response.write_eof()


def _parameters(body: bytes) -> Mapping[str, Any]:
    """Return the parameters of a body; none unless it is a JSON object."""
    try:
        values = decode(body)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


async def _join(items: Iterator[object]) -> str:
    texts = []
    for item in items:
        texts.append(encode(item))
        if not len(texts) % _BURST:
            await asyncio.sleep(0)
    return f"[{','.join(texts)}]"
