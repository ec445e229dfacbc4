"""
Keep-alive connections; the only module that uses requests.

Strategy: an `HttpConnection` is one adapter of requests with one connection, used by one thread at
a time. The adapter is called directly: the features of `requests.Session` (environment, cookies,
redirects, authentication) are decided once per client, or not wanted here.
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
from bfxsync.rest.http.call_deadline import (
    CallDeadline,
    CallsInFlight,
    HeadTooLarge,
    watch,
)
from bfxsync.rest.http.encodings import ACCEPTED, unpacked
from bfxsync.rest.http.request import Request
from bfxsync.rest.http.response import HttpResponse

MAX_BODY_SIZE = 64 * 1024 * 1024
"""Maximum size of a response in bytes; the exchange's largest have a few MB."""

_BLOCK_SIZE = 64 * 1024

# Errors of the connection, of gateways, and of decompression.
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
    Proxy and certificates for a host.

    Attributes
    ----------
    verify : bool or str
        Trusted certificates: True for those of certifi, else a path.
    """

    proxy: Optional[Proxy]
    verify: Union[bool, str]

    @classmethod
    def to(cls, url: str, proxy: str | None, ca_bundle: str | None) -> ProxyConfig:
        """
        Return the configuration for a URL; None values are looked up in the environment.

        The `UsageError` of an invalid proxy contains nothing that may be a password.
        """
        verify = (
            ca_bundle
            # The variables of requests.
            or os.environ.get("REQUESTS_CA_BUNDLE")
            or os.environ.get("CURL_CA_BUNDLE")
            or True
        )
        return cls(proxy_for(url, proxy), verify)

    @property
    def proxies(self) -> Dict[str, str]:
        """The proxy in the form of requests; SOCKS is dialled without it."""
        if self.proxy is None or self.proxy.is_socks:
            return {}
        return {"all": self.proxy.url}


class HttpConnection(HTTPAdapter):
    """
    One keep-alive connection.

    Attributes
    ----------
    is_used : bool
        It has been used for a call, so the server may have closed it since.
    is_complete : bool
        The end of the last response was unambiguous; only then it may be reused.
    idle_since : float
        End of the last call, by `time.monotonic`.
    """

    def __init__(self, calls: CallsInFlight | None = None) -> None:
        super().__init__(pool_connections=1, pool_maxsize=1)
        self._calls = CallsInFlight() if calls is None else calls
        self.is_used: bool = False
        self.is_complete: bool = True
        self.idle_since: float = 0.0
        self._socket: Any = None

    @property
    def is_silent(self) -> bool:
        """Whether the socket is open with no unread bytes, which would be read as a response."""
        sock = self._socket
        if sock is None:
            return True
        try:
            # TLS may hold decrypted bytes that `select` does not see.
            has_more = isinstance(sock, ssl.SSLSocket) and sock.pending() > 0
            return not has_more and not wait_for_read(sock, timeout=0)
        except (OSError, ValueError):
            return False  # closed

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
        proxy_config: ProxyConfig,
        call: CallDeadline,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponse:
        """
        Send a request, with extra headers if it is signed, and read the response.

        A failing connection raises `NetworkError`, a response that is too large `RemoteError`.
        """
        if self.is_used:
            call.phase = "send"
        self.is_complete = False
        call.proxy = proxy_config.proxy
        self._calls.add(call)
        try:
            with call.on_this_thread():
                response = self.send(
                    _prepare(request, headers),
                    stream=True,
                    timeout=call.timeouts,
                    verify=proxy_config.verify,
                    proxies=proxy_config.proxies,
                )
                # Before reading the body, which may take long.
                came_s, came_at = time.time(), time.monotonic()
                body = _read_body(response)
        except _FAILURES as exc:
            raise _translated(exc, call) from _strip(exc)
        finally:
            self._calls.remove(call)
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
    Idle connections, the most recently used first.

    Calls never wait for a connection: beyond the size of the pool extra connections are opened,
    and closed when they are returned to a full pool.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        # Appends and pops of a deque need no lock.
        self._idle: Deque[HttpConnection] = deque()
        self._calls = CallsInFlight()
        self._is_closed = False
        weakref.finalize(self, _close_all, self._idle)
        reset_after_fork(self)

    def acquire(
        self, is_fresh: bool = False, longest_idle_s: float | None = None
    ) -> HttpConnection:
        """
        Return a connection for one call.

        Parameters
        ----------
        is_fresh : bool
            Open a new one, which cannot be stale.
        longest_idle_s : float, optional
            Do not use one that was idle for longer.
        """
        while not is_fresh:
            try:
                connection = self._idle.pop()
            except IndexError:
                break
            if longest_idle_s is not None:
                if time.monotonic() - connection.idle_since > longest_idle_s:
                    # Returned to the pool, as a read may still use it. All others were idle even
                    # longer.
                    self._idle.append(connection)
                    break
            if connection.is_silent:
                return connection
            connection.close()
        return HttpConnection(self._calls)

    def release(self, connection: HttpConnection) -> None:
        """Return a connection to the pool; it is closed unless its response was complete."""
        if not connection.is_complete:
            connection.close()
            return
        connection.idle_since = time.monotonic()
        self._idle.append(connection)
        # Checked after the append: `close` sets it before it empties the pool.
        spare = 0 if self._is_closed else self._size
        while len(self._idle) > spare:
            with suppress(IndexError):  # another thread may be faster
                self._idle.popleft().close()

    def close(self, abort: bool = False) -> None:
        """Close all idle connections, and those returned later; `abort` also those in use."""
        self._is_closed = True
        _close_all(self._idle)
        if abort:
            self._calls.abort()

    def _reset_after_fork(self) -> None:
        """Drop the parent's connections; closing our copies does not close them in the parent."""
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
        # Older versions of urllib3 do not check. A chunked body ignores the length.
        is_counted = "Transfer-Encoding" in response.headers
        if length.isdecimal() and response.raw.tell() < int(length) and not is_counted:
            raise NetworkError("the response ends before its length", phase="receive")
    except BaseException:
        # The traceback of the error would keep the connection open.
        response.close()
        raise
    return b"".join(blocks)


def _counted(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Limit the compressed size: unpacked, such a body may be empty."""
    size, first = 0, b""
    for block in blocks:
        first = first or block
        size += len(block)
        if size > MAX_BODY_SIZE:
            raise _too_large(first)
        yield block


def _too_large(beginning: bytes) -> RemoteError:
    text = f"the response has more than {MAX_BODY_SIZE} bytes"
    return RemoteError(text, raw=beginning[:1000])


def _strip(exc: Exception) -> Exception:
    """Remove references from an error to request headers or a proxy's password."""
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
    # Wrapped as `reason` or as the last argument.
    while isinstance(inner, Exception):
        exc = inner
        inner = getattr(exc, "reason", None)
        if not isinstance(inner, Exception):
            inner = exc.args[-1] if exc.args else None
    if is_timeout or isinstance(exc, socket.timeout):
        what = "connection" if phase == "connect" else "response"
        return RequestTimeout(f"no {what} in time", phase=phase)
    # A proxy's response is not one to the request, which was not sent.
    if isinstance(exc, HeadTooLarge) and phase != "connect":
        return RemoteError(str(exc))
    text = inner if isinstance(inner, str) else str(exc)
    return NetworkError(f"the connection failed ({phase}): {text}", phase=phase)
