"""A tiny HTTP proxy: it knows CONNECT, and passwords."""

from __future__ import annotations

import base64
import select
import socket
import threading
from typing import Optional

from .bare_server import DEADLINE_S

_BLOCK = 65_536


class ConnectProxy:
    """
    A proxy on loopback.

    Parameters
    ----------
    user, password : str, optional
        Whom to let pass; everyone without them.

    Attributes
    ----------
    requests : list of str
        The heads of the requests.
    """

    def __init__(
        self, user: Optional[str] = None, password: Optional[str] = None
    ) -> None:
        self.requests: list[str] = []
        self._wanted: Optional[str] = None
        if user is not None:
            pair = base64.b64encode(f"{user}:{password}".encode()).decode()
            self._wanted = f"Proxy-Authorization: Basic {pair}"
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
            head = b""
            while b"\r\n\r\n" not in head:
                data = client.recv(_BLOCK)
                if not data:
                    return
                head += data
            lines = head.decode().split("\r\n")
            self.requests.append(head.decode())
            if self._wanted is not None and self._wanted not in lines:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
                return
            host, port = lines[0].split()[1].rsplit(":", 1)
            with socket.create_connection((host, int(port)), DEADLINE_S) as target:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _pass_on(client, target)


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
