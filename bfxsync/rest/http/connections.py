"""
Kept-alive connections, and the one place where requests is used.

Strategy: a session is one adapter of requests with one connection, used by one thread at a time.
The adapter is called directly: what `requests.Session` adds for every call (environment, cookies,
redirects, authentication) is decided once per client, or not wanted here.
"""

from __future__ import annotations

import os
import socket
import ssl
import time
import weakref
import zlib
from collections import deque
from contextlib import suppress
from typing import Any, Deque, Dict, Iterable, Iterator, List, Mapping, Optional, Union

import attrs
import requests
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from urllib3.exceptions import HTTPError
from urllib3.util import wait_for_read

from bfxsync._base.forks import reset_after_fork
from bfxsync._base.hidden import without_frames
from bfxsync._base.proxies import Proxy, proxy_for
from bfxsync._version import __version__
from bfxsync.errors import BfxError, NetworkError, RemoteError, RequestTimeout
from bfxsync.rest.http.call_deadline import CallDeadline, HeadTooLarge, watch
from bfxsync.rest.http.encodings import ACCEPTED, unpacked
from bfxsync.rest.http.request import Request
from bfxsync.rest.http.response import HttpResponse

MAX_BODY_SIZE = 64 * 1024 * 1024
"""Bytes of an answer; the largest of the exchange have a few MB."""

_BLOCK_SIZE = 64 * 1024

# Of the link, of what is before the exchange, and of a body that cannot be unpacked.
_FAILURES = (requests.RequestException, HTTPError, OSError, ValueError, zlib.error)

HEADERS = {
    "User-Agent": f"bfxsync/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": ACCEPTED,
    "Connection": "keep-alive",
}


@attrs.frozen
class ProxyConfig:
    """
    How a host is reached.

    Attributes
    ----------
    proxy : Proxy or None
    verify : bool or str
        Against which certificates: True for those of certifi, else a path.
    """

    proxy: Optional[Proxy]
    verify: Union[bool, str]

    @classmethod
    def to(cls, url: str, proxy: str | None, ca_bundle: str | None) -> ProxyConfig:
        """
        Return the way to an address; what is None is looked up in the environment.

        Raises
        ------
        UsageError
            The proxy is none; the message leaves out what may be a password.
        """
        verify = (
            ca_bundle
            # The variables that requests itself reads.
            or os.environ.get("REQUESTS_CA_BUNDLE")
            or os.environ.get("CURL_CA_BUNDLE")
            or True
        )
        return cls(proxy_for(url, proxy), verify)

    @property
    def proxies(self) -> Dict[str, str]:
        """The proxy as requests takes it; one for SOCKS is dialled without it."""
        if self.proxy is None or self.proxy.is_socks:
            return {}
        return {"all": self.proxy.url}


class HttpConnection(HTTPAdapter):
    """
    One connection, kept alive.

    Attributes
    ----------
    is_used : bool
        It has served a call, so the server may have closed it meanwhile.
    is_complete : bool
        Its last answer was read to a certain end: only then it may serve another call.
    idle_since : float
        When its last call was over, by `time.monotonic`.
    """

    def __init__(self) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)
        self.is_used: bool = False
        self.is_complete: bool = True
        self.idle_since: float = 0.0
        self._socket: Any = None

    @property
    def is_silent(self) -> bool:
        """
        Tell whether nothing came since its last answer, and its connection has not ended.

        What comes unasked would be taken for the next answer.
        """
        sock = self._socket
        if sock is None:
            return True
        try:
            # TLS may have decrypted bytes that the system no longer has.
            has_more = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
            return not has_more and not wait_for_read(sock, timeout=0)
        except (OSError, ValueError):
            return False  # it is closed

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **kwargs)
        return watch(manager) if is_new else manager

    def exchange(
        self,
        request: Request,
        route: ProxyConfig,
        call: CallDeadline,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """
        Send a request, with more headers if it is signed, and read its answer.

        Raises
        ------
        NetworkError
            The link failed; RequestTimeout if nothing came in time.
        RemoteError
            The answer is too large.
        """
        if self.is_used:
            call.phase = "send"
        self.is_complete = False
        call.proxy = route.proxy
        try:
            with call.on_this_thread():
                response = self.send(
                    _prepare(request, headers),
                    stream=True,
                    timeout=call.timeouts,
                    verify=route.verify,
                    proxies=route.proxies,
                )
                # Before the body, which may take its time.
                came_s, came_at = time.time(), time.monotonic()
                body = _read_body(response)
        except _FAILURES as exc:
            raise _translated(exc, call) from _strip(exc)
        self.is_used = True
        self.is_complete = call.is_complete
        self._socket = call.socket
        found = response.headers
        return HttpResponse(
            response.status_code,
            body,
            found.get("Retry-After"),
            found.get("Date"),
            came_s,
            call.has_length,
            found.get("Location"),
            came_at=came_at,
        )


class HttpConnectionPool:
    """
    Sessions that wait for the next call, the last used first.

    Calls are never kept waiting for one: where more threads call at the same time than the pool
    holds, more sessions are made, and closed when they come back to a full pool.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        # Appends and pops of a deque need no lock.
        self._idle: Deque[HttpConnection] = deque()
        self._is_closed = False
        weakref.finalize(self, _close_all, self._idle)
        reset_after_fork(self)

    def take(
        self, is_fresh: bool = False, longest_idle_s: float | None = None
    ) -> HttpConnection:
        """
        Return a session; a fresh one has no connection that could be stale.

        Parameters
        ----------
        is_fresh : bool
        longest_idle_s : float, optional
            One that has waited here for longer is left alone.
        """
        while not is_fresh:
            try:
                session = self._idle.pop()
            except IndexError:
                break
            if longest_idle_s is not None:
                if time.monotonic() - session.idle_since > longest_idle_s:
                    # A read may try it yet. All below it have waited even longer.
                    self._idle.append(session)
                    break
            if session.is_silent:
                return session
            session.close()
        return HttpConnection()

    def give(self, session: HttpConnection) -> None:
        """Take a session back after its answer, and close it where that has no certain end."""
        if not session.is_complete:
            session.close()
            return
        session.idle_since = time.monotonic()
        self._idle.append(session)
        # Looked at after the append: `close` sets it before it empties the pool.
        spare = 0 if self._is_closed else self._size
        while len(self._idle) > spare:
            with suppress(IndexError):  # another thread may be faster
                self._idle.popleft().close()

    def close(self) -> None:
        """Close all that wait here, and those that come back later."""
        self._is_closed = True
        _close_all(self._idle)

    def _reset_after_fork(self) -> None:
        """Leave the parent's connections to the parent; closing our copies does not end them."""
        _close_all(self._idle)


def _close_all(idle: Deque[HttpConnection]) -> None:
    with suppress(IndexError):
        while True:
            idle.pop().close()


def _prepare(
    request: Request, headers: Mapping[str, str] | None
) -> requests.PreparedRequest:
    prepared = requests.PreparedRequest()
    prepared.method = request.method
    prepared.url = request.url
    prepared.headers = CaseInsensitiveDict(HEADERS)
    if headers:
        prepared.headers.update(headers)
    if request.body is not None:
        prepared.body = request.body
        prepared.headers["Content-Type"] = "application/json"
        prepared.headers["Content-Length"] = str(len(request.body))
    return prepared


def _read_body(response: requests.Response) -> bytes:
    blocks: List[bytes] = []
    size = 0
    try:
        raw = response.raw.stream(_BLOCK_SIZE, decode_content=False)
        encoding = response.headers.get("Content-Encoding", "")
        for block in unpacked(_counted(raw), encoding):
            blocks.append(block)
            size += len(block)
            if size > MAX_BODY_SIZE:
                raise _too_large(blocks[0])
        length = response.headers.get("Content-Length", "")
        # Older versions of urllib3 do not look. Chunks are counted, whatever the length says.
        is_counted = "Transfer-Encoding" in response.headers
        if length.isdecimal() and response.raw.tell() < int(length) and not is_counted:
            raise NetworkError("the answer ends before its length", phase="receive")
    except BaseException:
        # Else the connection lives on in the traceback of the error.
        response.close()
        raise
    return b"".join(blocks)


def _counted(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Pass on what came, as long as it is not too much: packed, it may mean nothing at all."""
    size, first = 0, b""
    for block in blocks:
        first = first or block
        size += len(block)
        if size > MAX_BODY_SIZE:
            raise _too_large(first)
        yield block


def _too_large(beginning: bytes) -> RemoteError:
    text = f"the answer has more than {MAX_BODY_SIZE} bytes"
    return RemoteError(text, raw=beginning[:1000])


def _strip(exc: Exception) -> Exception:
    """Take away what leads from an error to the head of a request, or a proxy's password."""
    inner: BaseException | None = exc
    while inner is not None:
        if isinstance(inner, requests.RequestException):
            inner.request = inner.response = None
        inner = inner.__cause__ or inner.__context__
    return without_frames(exc)


def _translated(exc: Exception, call: CallDeadline) -> BfxError:
    phase = call.phase
    is_timeout = call.is_out_of_time or isinstance(exc, requests.Timeout)
    inner: object = exc
    # They wrap each other, as `reason` or as the last argument.
    while isinstance(inner, Exception):
        exc = inner
        inner = getattr(exc, "reason", None)
        if not isinstance(inner, Exception):
            inner = exc.args[-1] if exc.args else None
    if is_timeout or isinstance(exc, socket.timeout):
        what = "connection" if phase == "connect" else "answer"
        return RequestTimeout(f"no {what} in time", phase=phase)
    # A proxy's is no answer to the request, which has not left.
    if isinstance(exc, HeadTooLarge) and phase != "connect":
        return RemoteError(str(exc))
    text = inner if isinstance(inner, str) else str(exc)
    return NetworkError(f"the link failed ({phase}): {text}", phase=phase)
