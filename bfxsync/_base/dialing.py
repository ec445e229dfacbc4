"""
TCP connections to a host, directly or through a proxy.

Strategy: the response of a proxy is limited in size and in total time, not only per read. Both
transports use PySocks for SOCKS. It was chosen over python-socks because requests and urllib3
support it and systems ship it, because its interface has been stable since 2017, and because
overriding one method of its socket limits the time of a whole negotiation. urllib3's own SOCKS
support is not used: it limits each read only, and keeps the password in its frames.
"""

from __future__ import annotations

import functools
import importlib
import re
import socket
import time
from base64 import b64encode
from typing import Any

from bfxsync._base.describe import printable
from bfxsync._base.forks import lazily
from bfxsync._base.hidden import without_frames
from bfxsync._base.hosts import Address
from bfxsync._base.proxies import Proxy

MAX_ANSWER = 64 * 1024
"""Maximum size of a proxy's response, in bytes."""

_STATUS = rb"HTTP/1\.\d (\d{3})(?: ([^\r\n]*))?\r?\n"
_MOST_TOLD = 100


def dial(address: Address, proxy: Proxy | None, timeout_s: float) -> socket.socket:
    """
    Return a socket connected to a host.

    `timeout_s` applies to each address of the host name, and again to the proxy's whole response.
    Raises `OSError`, without the proxy's password, if the host is unreachable or the proxy refuses.
    """
    if proxy is None:
        return socket.create_connection((address.hostname, address.port), timeout_s)
    if proxy.is_socks:
        return _dial_socks(address, proxy, timeout_s)
    if proxy.kind != "http":
        raise OSError(
            f"the proxy {proxy} is not supported for WebSockets; use http or socks"
        )
    sock = socket.create_connection((proxy.hostname, proxy.port), timeout_s)
    try:
        _tunnel(sock, address, proxy, time.monotonic() + timeout_s)
    except BaseException:
        sock.close()
        raise
    return sock


def _tunnel(
    sock: socket.socket, address: Address, proxy: Proxy, deadline: float
) -> None:
    """Ask an HTTP proxy for a tunnel to a host."""
    # Not in a variable, which tracebacks may show: it contains the password.
    sock.sendall(_connect_request(address, proxy))
    answer = bytearray()
    while not answer.endswith((b"\r\n\r\n", b"\n\n")):
        sock.settimeout(_rest_s(deadline))
        # Byte by byte: anything after the head belongs to the host.
        data = sock.recv(1)
        if not data:
            raise OSError(f"the proxy {proxy} closed the connection")
        answer += data
        if len(answer) > MAX_ANSWER:
            raise OSError(
                f"the response of the proxy {proxy} has more than {MAX_ANSWER} bytes"
            )
    found = re.match(_STATUS, answer)
    if found is None:
        raise OSError(f"the proxy {proxy} does not speak HTTP")
    status, text = int(found.group(1)), (found.group(2) or b"").decode("latin-1")
    if not 200 <= status < 300:
        told = printable(text[:_MOST_TOLD])
        raise OSError(f"the proxy {proxy} refused with HTTP status {status}: {told}")


def _connect_request(address: Address, proxy: Proxy) -> bytes:
    name = f"[{address.hostname}]" if ":" in address.hostname else address.hostname
    target = f"{name}:{address.port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username is not None:
        pair = f"{proxy.username}:{proxy.password or ''}".encode()
        lines.append(f"Proxy-Authorization: Basic {b64encode(pair).decode()}")
    return "\r\n".join([*lines, "", ""]).encode()


def _rest_s(deadline: float) -> float:
    rest_s = deadline - time.monotonic()
    if rest_s <= 0:
        raise socket.timeout("timed out")
    return rest_s


# --- SOCKS ------------------------------------------------------------------------------------


def _dial_socks(address: Address, proxy: Proxy, timeout_s: float) -> socket.socket:
    socks = lazily(lambda: importlib.import_module("socks"))
    places = socket.getaddrinfo(
        proxy.hostname, proxy.port, 0, socket.SOCK_STREAM, socket.IPPROTO_TCP
    )
    error: OSError | None = None
    for family, kind, protocol, _, place in places:
        sock = _bounded(socks.socksocket)(family, kind, protocol)
        try:
            sock.set_proxy(
                socks.SOCKS4 if proxy.kind.startswith("socks4") else socks.SOCKS5,
                place[0],
                proxy.port,
                proxy.kind[-1] in "ah",
                proxy.username,
                proxy.password,
            )
            sock.bound(timeout_s)
            sock.connect((address.hostname, address.port))
            # A plain socket again: the class of PySocks slows down every call.
            return socket.socket(family, kind, protocol, sock.detach())
        except Exception as exc:
            # PySocks raises errors of other kinds too.
            error = _translated(exc, proxy)
        finally:
            # No effect after `detach`.
            sock.close()
        if isinstance(error, socket.timeout):
            break
    assert error is not None
    raise error


@functools.lru_cache(maxsize=None)
def _bounded(kind: Any) -> Any:
    """Return a socket class whose reads share one deadline."""

    def bound(self: Any, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.deadline = None
        self.settimeout(timeout_s)

    def recv_into(self: Any, *args: Any) -> int:
        if self.deadline is None:
            # First read: connected to the proxy.
            self.deadline = time.monotonic() + self.timeout_s
        socket.socket.settimeout(self, _rest_s(self.deadline))
        return socket.socket.recv_into(self, *args)

    return type("BoundedSocket", (kind,), {"bound": bound, "recv_into": recv_into})


def _translated(exc: Exception, proxy: Proxy) -> OSError:
    """Return an error that names the proxy, without frames of PySocks."""
    inner = getattr(exc, "socket_err", None) or exc
    told = f"the proxy {proxy} failed: {exc}"
    kind = socket.timeout if isinstance(inner, socket.timeout) else OSError
    error = kind(told)
    error.__cause__ = without_frames(exc)
    return error
