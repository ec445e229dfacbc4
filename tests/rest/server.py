"""A small HTTP server on loopback whose answers a test writes byte by byte."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from typing import Any, Callable, NamedTuple, Optional

DEADLINE_S = 10.0
"""For what a test waits for; only a failing test takes so long."""


class Tls(NamedTuple):
    """A server's certificate, and the file of the authority that vouches for it."""

    context: ssl.SSLContext
    ca_bundle: str


class Exchange:
    """
    One request, and the way to answer it.

    Attributes
    ----------
    method, target : str
    headers : dict of str to str
        Names in lower case.
    body : bytes
    connection, number : int
        Which connection of the server it came on, and which request it was there; from 1.
    """

    def __init__(
        self, sock: socket.socket, head: str, body: bytes, connection: int, number: int
    ) -> None:
        lines = head.split("\r\n")
        self.method, self.target, _ = lines[0].split(" ")
        fields = (line.split(":", 1) for line in lines[1:])
        self.headers = {name.lower(): value.strip() for name, value in fields}
        self.body = body
        self.connection = connection
        self.number = number
        self._sock = sock

    def send(self, data: bytes) -> None:
        """Send any bytes."""
        self._sock.sendall(data)

    def answer(self, value: Any, status: int = 200, **headers: str) -> bool:
        """Send a whole answer, JSON or bytes as they are; true, so the connection is kept."""
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        self.send("\r\n".join([*lines, "", ""]).encode() + body)
        return True

    def trickle(self, data: bytes, stop: threading.Event, pause_s: float) -> None:
        """Send a byte now and then, for ever."""
        while not stop.wait(pause_s):
            self.send(data)


Handler = Callable[[Exchange], object]


class Server:
    """
    A server with one thread for each connection.

    Parameters
    ----------
    handler : callable
        Gets each `Exchange`; when it returns False, the connection is closed.
    tls : Tls, optional

    Attributes
    ----------
    requests : list of Exchange
        All that came, in order.
    connections : int
        How many were made.
    stopping : threading.Event
        Set when the test is over.
    """

    def __init__(self, handler: Handler, tls: Optional[Tls] = None) -> None:
        self.requests: list[Exchange] = []
        self.connections = 0
        self.stopping = threading.Event()
        self._handler = handler
        self._tls = tls
        self._changed = threading.Condition()
        self._open: dict[int, socket.socket] = {}
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        scheme = "http" if tls is None else "https"
        self.host = f"{scheme}://localhost:{self.port}/v2"
        self._start(self._accept)

    def wait_for_open(self, count: int) -> None:
        """Wait until exactly so many connections are open."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self._open) == count, DEADLINE_S)
            assert came, f"{len(self._open)} connections are open, not {count}"

    def wait_for_requests(self, count: int) -> None:
        """Wait until so many requests have come."""
        with self._changed:
            came = self._changed.wait_for(
                lambda: len(self.requests) >= count, DEADLINE_S
            )
            assert came, f"{len(self.requests)} requests, not {count}"

    def stop(self) -> None:
        """Cut everything off."""
        self.stopping.set()
        socket.create_connection(("127.0.0.1", self.port), DEADLINE_S).close()
        with self._changed:
            for sock in self._open.values():
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # it has ended already
        for thread in list(self._threads):
            thread.join(DEADLINE_S)
        self._listener.close()

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, name="test-server")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            if self.stopping.is_set():
                sock.close()
                return
            sock.settimeout(DEADLINE_S)
            with self._changed:
                self.connections += 1
                self._open[self.connections] = sock
                self._changed.notify_all()
            self._start(self._serve, sock, self.connections)

    def _serve(self, plain: socket.socket, connection: int) -> None:
        sock = plain
        try:
            if self._tls is not None:
                sock = self._tls.context.wrap_socket(plain, server_side=True)
                with self._changed:
                    self._open[connection] = sock
            self._converse(sock, connection)
        except OSError:
            pass  # the client has closed it, or refuses the certificate
        finally:
            sock.close()
            with self._changed:
                del self._open[connection]
                self._changed.notify_all()

    def _converse(self, sock: socket.socket, connection: int) -> None:
        data, number = b"", 0
        while True:
            while b"\r\n\r\n" not in data:
                block = sock.recv(65_536)
                if not block:
                    return
                data += block
            head, _, data = data.partition(b"\r\n\r\n")
            number += 1
            exchange = Exchange(sock, head.decode(), b"", connection, number)
            length = int(exchange.headers.get("content-length", 0))
            while len(data) < length:
                block = sock.recv(65_536)
                if not block:
                    return
                data += block
            exchange.body, data = data[:length], data[length:]
            with self._changed:
                self.requests.append(exchange)
                self._changed.notify_all()
            if self._handler(exchange) is False:
                return
