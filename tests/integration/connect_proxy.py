"""Tiny proxies: one for HTTP that knows CONNECT, and one for SOCKS 4, 4a and 5."""

from __future__ import annotations

import base64
import select
import socket
import threading
from typing import Optional

from .bare_server import DEADLINE_S

_BLOCK = 65_536


class _Proxy:
    """
    A proxy on loopback.

    Parameters
    ----------
    user, password : str, optional
        Whom to let pass; everyone without them.

    Attributes
    ----------
    requests : list of str
        What it was asked for.
    """

    def __init__(
        self, user: Optional[str] = None, password: Optional[str] = None
    ) -> None:
        self.requests: list[str] = []
        self.user, self.password = user, password
        self._is_stopping = False
        self._relays: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="test-proxy")
        self._thread.start()

    def stop(self) -> None:
        """Cut everything off."""
        self._is_stopping = True
        socket.create_connection(("127.0.0.1", self.port), DEADLINE_S).close()
        self._thread.join(DEADLINE_S)
        self._listener.close()
        for sock in self._sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)  # wakes its relay
            except OSError:
                pass  # it has ended already
        for relay in self._relays:
            relay.join(DEADLINE_S)

    def _run(self) -> None:
        while True:
            client, _ = self._listener.accept()
            if self._is_stopping:
                client.close()
                return
            client.settimeout(DEADLINE_S)
            self._sockets.append(client)
            relay = threading.Thread(
                target=self._relay, args=(client,), name="test-proxy-relay"
            )
            self._relays.append(relay)
            relay.start()

    def _relay(self, client: socket.socket) -> None:
        with client:
            try:
                place = self._negotiate(client)
            except EOFError:
                return
            if place is None:
                return
            host, port = place
            # Names that nobody can look up lead here: whoever asks for them has not tried to.
            host = "127.0.0.1" if host.endswith(".invalid") else host
            with socket.create_connection((host, port), DEADLINE_S) as target:
                client.sendall(self._agreement)
                _pass_on(client, target)

    _agreement = b""

    def _negotiate(self, client: socket.socket) -> Optional[tuple[str, int]]:
        """Return where to; None if it was refused."""
        raise NotImplementedError


class ConnectProxy(_Proxy):
    """A proxy for HTTP; its requests are their heads."""

    _agreement = b"HTTP/1.1 200 Connection established\r\n\r\n"

    def _negotiate(self, client: socket.socket) -> Optional[tuple[str, int]]:
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(_BLOCK)
            if not data:
                return None
            head += data
        lines = head.decode().split("\r\n")
        self.requests.append(head.decode())
        if self.user is not None:
            pair = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
            if f"Proxy-Authorization: Basic {pair}" not in lines:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return None
        host, port = lines[0].split()[1].rsplit(":", 1)
        return host, int(port)


class SocksProxy(_Proxy):
    """A proxy for SOCKS (RFC 1928 and 1929); its requests are ``5 name host:port`` and the like."""

    def _negotiate(self, client: socket.socket) -> Optional[tuple[str, int]]:
        version = _exactly(client, 1)[0]
        if version == 4:
            return self._negotiate_4(client)
        assert version == 5, f"no SOCKS: {version}"
        methods = _exactly(client, _exactly(client, 1)[0])
        wanted = 0 if self.user is None else 2
        if wanted not in methods:
            client.sendall(b"\x05\xff")
            return None
        client.sendall(bytes((5, wanted)))
        if wanted:
            _exactly(client, 1)
            user, password = (_exactly(client, _exactly(client, 1)[0]) for _ in "ab")
            is_known = (user.decode(), password.decode()) == (self.user, self.password)
            client.sendall(b"\x01\x00" if is_known else b"\x01\x01")
            if not is_known:
                return None
        kind = _exactly(client, 4)[3]
        if kind == 3:
            host = _exactly(client, _exactly(client, 1)[0]).decode()
        else:
            family = socket.AF_INET if kind == 1 else socket.AF_INET6
            host = socket.inet_ntop(family, _exactly(client, 4 if kind == 1 else 16))
        port = int.from_bytes(_exactly(client, 2), "big")
        self.requests.append(f"5 {'name' if kind == 3 else 'ip'} {host}:{port}")
        client.sendall(b"\x05\x00\x00\x01" + bytes(6))
        return host, port

    def _negotiate_4(self, client: socket.socket) -> Optional[tuple[str, int]]:
        _exactly(client, 1)
        port = int.from_bytes(_exactly(client, 2), "big")
        place = _exactly(client, 4)
        user, what, host = _text(client), "ip", socket.inet_ntoa(place)
        if place[:3] == bytes(3):
            what, host = "name", _text(client)
        is_known = self.user is None or user == self.user
        self.requests.append(f"4 {what} {host}:{port}")
        client.sendall((b"\x00\x5a" if is_known else b"\x00\x5b") + bytes(6))
        return (host, port) if is_known else None


def _exactly(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        block = client.recv(count - len(data))
        if not block:
            raise EOFError
        data += block
    return data


def _text(client: socket.socket) -> str:
    data = b""
    while not data.endswith(b"\0"):
        data += _exactly(client, 1)
    return data[:-1].decode()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    """Pass bytes on in both directions until either side ends."""
    try:
        while True:
            readable, _, _ = select.select([one, other], [], [], DEADLINE_S)
            for source in readable:
                data = source.recv(_BLOCK)
                if not data:
                    return
                (other if source is one else one).sendall(data)
    except OSError:
        pass  # reset, or the proxy stops
