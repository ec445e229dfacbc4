"""Faults of REST requests and answers: lost, late, doubled, preceded, or with a wrong date."""

from __future__ import annotations

import asyncio
import time
from email.utils import formatdate

from aiohttp import hdrs, web

from bfxsync.paper.faults import Faults

_INTERIM = {
    100: b"HTTP/1.1 100 Continue\r\n\r\n",
    102: b"HTTP/1.1 102 Processing\r\n\r\n",
    103: b"HTTP/1.1 103 Early Hints\r\nLink: </v2/>; rel=preconnect\r\n\r\n",
}


class AnswerFaults:
    """
    Applies the armed faults to responses.

    Parameters
    ----------
    idle_s : float
        How long a client may take to read a response.
    """

    def __init__(self, faults: Faults, idle_s: float) -> None:
        self._faults = faults
        self._idle_s = idle_s
        self._is_stopped = asyncio.Event()
        # By id of a request: the date of its response, None for no date.
        self._dates: dict[int, str | None] = {}

    def stop(self) -> None:
        """End delays."""
        self._is_stopped.set()

    def is_lost(self, name: str, request: web.Request, path: str) -> bool:
        """Abort the connection if a fault of this name is armed for the path."""
        transport = request.transport
        if transport is None or self._faults.fire(name, path=path) is None:
            return False
        transport.abort()
        return True

    async def send(
        self, response: web.Response, request: web.Request, path: str
    ) -> None:
        """Send a response, with the faults that are armed for the path; may raise TimeoutError."""
        faults = self._faults
        late = faults.fire("late_answer", path=path)
        if late is not None:
            await self._sleep(late.options["delay_s"])
        if request.transport is None:
            return
        interim = faults.fire("interim_answer", path=path)
        if interim is not None:
            request.transport.write(_INTERIM[interim.options["status"]])
        if faults.fire("missing_date", path=path):
            self._dates[id(request)] = None
        else:
            wrong = faults.fire("wrong_date", path=path)
            if wrong is not None:
                offset_s = wrong.options["offset_s"]
                date = formatdate(time.time() + offset_s, usegmt=True)
                self._dates[id(request)] = date
        try:
            await asyncio.wait_for(_send(response, request), self._idle_s)
        finally:
            self._dates.pop(id(request), None)
        if request.transport is not None and faults.fire("duplicate_answer", path=path):
            request.transport.write(_as_bytes(response))

    async def set_date(
        self, request: web.Request, response: web.StreamResponse
    ) -> None:
        """Replace or remove the date of a response; for `on_response_prepare`."""
        if id(request) in self._dates:
            del response.headers[hdrs.DATE]
            date = self._dates[id(request)]
            if date is not None:
                response.headers[hdrs.DATE] = date

    async def _sleep(self, delay_s: float) -> None:
        try:
            await asyncio.wait_for(self._is_stopped.wait(), delay_s)
        except asyncio.TimeoutError:
            pass


async def _send(response: web.Response, request: web.Request) -> None:
    await response.prepare(request)
    await response.write_eof()


def _as_bytes(response: web.Response) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {response.reason}"]
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    body = response.body
    assert isinstance(body, bytes)
    return "\r\n".join([*lines, "", ""]).encode() + body
