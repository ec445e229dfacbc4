"""
Accepts connections, and checks Host and Origin of their requests.

Strategy: aiohttp waits for the first request of a connection without a limit. So each connection
has a deadline, set when it is accepted and cancelled by its first request; later requests are
covered by aiohttp's keep-alive timeout. Whether a peer still acknowledges data is known only to the
kernel as long as its buffers have room; on Linux it drops connections without
acknowledgement for too long.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from typing import Awaitable, Callable

from aiohttp import hdrs, web

from bfxsync.paper.server.access import AccessPolicy
from bfxsync.paper.server.wire_json import encode

_KEEP_ALIVE_S = 75.0
_BACKLOG = 128
_GENERIC = 10001
_LONGEST_MS = 2**31 - 1
_TURNS = 3

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class Listener:
    """
    A listening socket, which passes accepted requests to an application.

    Parameters
    ----------
    request_timeout_s : float
        Aborts a connection without a complete request after this time.
    idle_s : float
        On Linux, drops a connection that acknowledges nothing for this time.
    """

    def __init__(
        self, access: AccessPolicy, request_timeout_s: float, idle_s: float
    ) -> None:
        self._access = access
        self._idle_s = idle_s
        self._request_timeout_s = request_timeout_s
        self._deadlines: dict[asyncio.BaseProtocol, asyncio.TimerHandle] = {}
        self._runner: web.AppRunner | None = None
        self._server: asyncio.Server | None = None

    async def start(
        self, app: web.Application, listener: socket.socket, tls: ssl.SSLContext | None
    ) -> None:
        """Start accepting connections."""
        if sys.platform == "linux":
            # Accepted sockets have the options of the listening one.
            unacknowledged_ms = min(max(round(self._idle_s * 1000), 1), _LONGEST_MS)
            listener.setsockopt(
                socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unacknowledged_ms
            )
        runner = self._runner = web.AppRunner(
            app, access_log=None, keepalive_timeout=_KEEP_ALIVE_S
        )
        await runner.setup()
        assert runner.server is not None
        make = runner.server
        # Not a middleware, as aiohttp keeps the last thousand applications that have one alive.
        handle = make.request_handler
        make.request_handler = lambda request: self._admit(request, handle)

        def accept() -> asyncio.Protocol:
            protocol = make()
            self._deadlines[protocol] = loop.call_later(
                self._request_timeout_s, self._cut_off, protocol
            )
            return protocol

        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            accept,
            sock=listener,
            backlog=_BACKLOG,
            ssl=tls,
            ssl_handshake_timeout=self._request_timeout_s if tls else None,
        )

    async def stop(self) -> None:
        """Stop accepting; open connections remain."""
        server = self._server
        if server is None:
            return
        loop = asyncio.get_running_loop()
        for listening in server.sockets:
            loop.remove_reader(listening.fileno())
        # asyncio forgets the socket of a connection that it has accepted but not yet set up.
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        server.close()

    async def clean_up(self) -> None:
        """Close the remaining connections."""
        for deadline in self._deadlines.values():
            deadline.cancel()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _admit(
        self, request: web.BaseRequest, handler: Handler
    ) -> web.StreamResponse:
        deadline = self._deadlines.pop(request.protocol, None)
        if deadline is not None:
            deadline.cancel()
        headers = request.headers
        refusal = self._access.refusal(
            headers.getall(hdrs.HOST, ()), headers.getall(hdrs.ORIGIN, ())
        )
        if refusal is not None:
            text = encode(["error", _GENERIC, refusal])
            return web.Response(status=403, text=text, content_type="application/json")
        return await handler(request)

    def _cut_off(self, protocol: web.RequestHandler) -> None:
        del self._deadlines[protocol]
        if protocol.transport is not None:
            protocol.transport.abort()
