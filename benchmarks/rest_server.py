"""
A TLS server that answers every GET with the same ticker and every POST with the same wallets.

It keeps connections alive, and checks neither path nor signature.

It prints one JSON line with its port. For each line on its standard input it prints the number of
requests and connections since the last one. It exits at the end of its input.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import ssl
import sys
import threading
from pathlib import Path

#: Ten numbers, in the exchange's layout.
TICKER = [
    86912,
    23.75,
    86938,
    11.5,
    1060,
    0.01237494,
    86920,
    812.12345678,
    86998,
    85156,
]

WALLETS = [
    [wallet, currency, 1234.56789012 + n, 0, 1000.5 + n, None, None]
    for n, (wallet, currency) in enumerate(
        (wallet, currency)
        for wallet in ("exchange", "margin", "funding")
        for currency in ("USD", "UST", "BTC")
    )
]

#: As many headers as the exchange's gateway sends.
HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"Date: Fri, 20 Nov 2026 12:00:00 GMT\r\n"
    b"Content-Type: application/json; charset=utf-8\r\n"
    b"Content-Length: %d\r\n"
    b"Connection: keep-alive\r\n"
    b"Cache-Control: public, max-age=1\r\n"
    b"Vary: Accept-Encoding\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
    b"X-Frame-Options: SAMEORIGIN\r\n"
    b"Strict-Transport-Security: max-age=31536000\r\n"
    b"Server: local\r\n\r\n%b"
)


def answer(value: object) -> bytes:
    body = json.dumps(value, separators=(",", ":")).encode()
    return HEAD % (len(body), body)


ANSWERS = {b"GET": answer(TICKER), b"POST": answer(WALLETS)}

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Server:
    """One thread for each connection."""

    def __init__(self, certificate: Path) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        # Protects the counts.
        self._lock = threading.Lock()
        self._requests = self._connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def counts(self) -> str:
        """Return the counts since the last call, as one JSON line."""
        with self._lock:
            counts = {"requests": self._requests, "connections": self._connections}
            self._requests = self._connections = 0
        return json.dumps(counts)

    def _accept(self) -> None:
        while True:
            sock, _ = self._listener.accept()
            with self._lock:
                self._connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with self._context.wrap_socket(plain, server_side=True) as sock:
                self._answer_all(sock)
        except OSError:
            pass  # the client has disconnected

    def _answer_all(self, sock: ssl.SSLSocket) -> None:
        data = b""
        while True:
            while b"\r\n\r\n" not in data:
                block = sock.recv(65_536)
                if not block:
                    return
                data += block
            head, _, data = data.partition(b"\r\n\r\n")
            length = _LENGTH.search(head)
            missing = (int(length.group(1)) if length else 0) - len(data)
            while missing > 0:
                block = sock.recv(65_536)
                if not block:
                    return
                missing -= len(block)
            data = b""  # no client sends its next request before the answer
            with self._lock:
                self._requests += 1
            sock.sendall(ANSWERS[head.split(b" ", 1)[0]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0])
    parser.add_argument("--certificate", type=Path, required=True)
    server = Server(parser.parse_args().certificate)
    print(json.dumps({"port": server.port}), flush=True)
    for _ in sys.stdin:
        print(server.counts(), flush=True)
    # The threads still wait for clients.
    os._exit(0)


if __name__ == "__main__":
    main()
