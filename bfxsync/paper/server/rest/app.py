"""Serves the REST endpoints inside the event loop."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Awaitable, Callable, Iterator, Mapping

from aiohttp import web

from bfxsync.paper.engine.errors import GENERIC, Invalid
from bfxsync.paper.server.keys import NO_RIGHT, NONCE
from bfxsync.paper.server.market_data import MarketData
from bfxsync.paper.server.recorder import NotRecorded
from bfxsync.paper.server.registry import AccountRegistry
from bfxsync.paper.server.rest.answer_faults import AnswerFaults
from bfxsync.paper.server.rest.query import (
    RATE_LIMIT,
    Query,
    Refused,
    SignedCall,
    Unanswered,
)
from bfxsync.paper.server.rest.routes import PRIVATE_ROUTES, ROUTES, Q, Route
from bfxsync.paper.server.wire_json import decode, encode
from bfxsync.paper.settings import Counters, ExchangeSettings

PATH = "/v2/"
# Rows that are encoded before other tasks get a turn.
_BURST = 500

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class RateLimits:
    """
    A number of requests per minute, client and group, then a block of one minute.

    Parameters
    ----------
    clock : callable
        Returns monotonic seconds.
    """

    def __init__(self, minute_s: float, clock: Callable[[], float]) -> None:
        self._minute_s = minute_s
        self._clock = clock
        self._times: dict[tuple[str, str], deque[float]] = {}
        self._blocked_until: dict[tuple[str, str], float] = {}

    def admits(self, client: str, group: str, per_minute: int) -> bool:
        """Count a request; False if it exceeds the limit or its client is blocked."""
        now = self._clock()
        key = client, group
        if now < self._blocked_until.get(key, now):
            return False
        times = self._times.setdefault(key, deque())
        while times and times[0] <= now - self._minute_s:
            times.popleft()
        if len(times) >= per_minute:
            self._blocked_until[key] = now + self._minute_s
            times.clear()
            return False
        times.append(now)
        return True


class RestApi:
    """
    Handlers of all routes.

    Strategy: checks are in the order of the real exchange: existence of the endpoint, rate limit,
    signature with a known key, nonce larger than the last one, right of the key.
    """

    def __init__(
        self,
        market_data: MarketData,
        registry: AccountRegistry,
        counters: Counters,
        settings: ExchangeSettings,
    ) -> None:
        self._market_data = market_data
        self._registry = registry
        self._counters = counters
        self._settings = settings
        clock = asyncio.get_running_loop().time
        self._limits = RateLimits(settings.rest_minute_s, clock)
        self._open: set[asyncio.Transport] = set()
        self._answer_faults = AnswerFaults(market_data.faults, settings.idle_s)

    def add_to(self, app: web.Application) -> None:
        """Add the routes to an application."""
        app.on_response_prepare.append(self._answer_faults.set_date)
        for route in ROUTES:
            handler = self._handler(route, self._answer)
            app.router.add_route(route.method, PATH + route.path, handler)
        for signed in PRIVATE_ROUTES:
            handler = self._handler(signed, self._answer_signed)
            app.router.add_post(PATH + signed.path, handler)

    def hang_up(self) -> None:
        """Abort the connections with a request in progress."""
        self._answer_faults.stop()
        for transport in list(self._open):
            transport.abort()

    def _handler(
        self, route: Route[Q], answer: Callable[[Route[Q], web.Request, bytes], object]
    ) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            transport = request.transport
            if transport is None:  # already disconnected
                return web.Response()
            self._open.add(transport)
            response = web.Response()
            faults, path = self._answer_faults, _path(request)
            try:
                if faults.is_lost("lost_request", request, path):
                    return response
                response = await self._respond(route, answer, request)
                if faults.is_lost("lost_answer", request, path):
                    return response
                # Sent here, so that the connection stays registered until the response is read
                # completely.
                transport.set_write_buffer_limits(0)
                await faults.send(response, request, path)
            except (
                asyncio.TimeoutError,
                ConnectionResetError,  # the client has gone, in its request
                NotRecorded,
                Unanswered,
            ):
                transport.abort()
            finally:
                self._open.discard(transport)
            return response

        return handle

    async def _respond(
        self,
        route: Route[Q],
        execute: Callable[[Route[Q], web.Request, bytes], object],
        request: web.Request,
    ) -> web.Response:
        self._counters.rest_requests += 1
        status = 200
        try:
            self._check_limit(route.group, route.per_minute, request)
            answer = execute(route, request, await self._body(request))
            text = (
                await _join(answer) if isinstance(answer, Iterator) else encode(answer)
            )
        except Invalid as invalid:
            text = encode(["error", invalid.code, invalid.message])
            status = invalid.status if isinstance(invalid, Refused) else 500
        return web.Response(text=text, status=status, content_type="application/json")

    def _check_limit(self, group: str, per_minute: int, request: web.Request) -> None:
        if self._settings.rest_limits and not self._limits.admits(
            request.remote or "", group, per_minute
        ):
            self._counters.rest_refusals += 1
            raise Refused("ratelimit: error", RATE_LIMIT, 429)

    def _answer(self, route: Route[Query], request: web.Request, body: bytes) -> object:
        values = {**request.query, **(_parameters(body) or {}), **request.match_info}
        return route.answer(Query(self._market_data, values))

    def _answer_signed(
        self, route: Route[SignedCall], request: web.Request, body: bytes
    ) -> object:
        path = _path(request)
        keys, recorder = self._registry.keys, self._registry.recorder
        try:
            if self._market_data.faults.fire("small_nonce", path=path):
                raise Invalid("nonce: small", NONCE)
            call = self._authenticate(route, request, body)
        except Invalid as invalid:
            account = keys.owner(request.headers.get("bfx-apikey"))
            error = ["error", invalid.code, invalid.message]
            recorder.refused(account, "rest", path, error)
            raise
        with recorder.request(call.account, "rest", path, call.values) as record:
            try:
                answer = route.answer(call)
            except Invalid as invalid:
                record(["error", invalid.code, invalid.message])
                raise
            record(answer if route.is_write else None)
            return answer

    def _authenticate(
        self, route: Route[SignedCall], request: web.Request, body: bytes
    ) -> SignedCall:
        path = request.raw_path.partition("?")[0].lstrip("/")
        credential = self._registry.keys.authenticate(path, request.headers, body)
        scope, _, right = route.rights.partition(":")
        if scope and not credential.allows(scope, right):
            raise Refused(NO_RIGHT, GENERIC)
        values = _parameters(body) if body.strip() else {}
        if values is None:
            raise Refused("body: invalid")
        return SignedCall(
            self._market_data,
            {**values, **request.match_info},
            self._registry,
            credential,
            _path(request),
        )

    async def _body(self, request: web.Request) -> bytes:
        timeout_s = self._settings.request_timeout_s
        try:
            return await asyncio.wait_for(request.read(), timeout_s)
        except asyncio.TimeoutError:
            # As a proxy does. The connection is closed, since the rest of the body may follow.
            raise Refused("request: timeout", status=408) from None


def _path(request: web.Request) -> str:
    """Return the path of an endpoint, such as ``auth/w/order/submit``."""
    return request.raw_path.partition("?")[0][len(PATH) :]


def _parameters(body: bytes) -> Mapping[str, Any] | None:
    """Return the parameters of a body, None unless it is a JSON object."""
    try:
        values = decode(body)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


async def _join(items: Iterator[object]) -> str:
    texts = []
    for item in items:
        texts.append(encode(item))
        if not len(texts) % _BURST:
            await asyncio.sleep(0)
    return f"[{','.join(texts)}]"
