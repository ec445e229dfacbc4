"""A server's side of signed requests: checks the signature of the very bytes that came."""

from __future__ import annotations

import hashlib
import hmac
import threading
from typing import Any, Callable, NamedTuple

from .server import Exchange

KEY = "sentinel-key-3f9a"
SECRET = "sentinel-secret-77c1e0b4"

NONCE_TOO_SMALL = ["error", 10114, "nonce: small"]
NO_SUCH_KEY = ["error", 10100, "apikey: invalid"]


class Seen(NamedTuple):
    """A request whose signature and nonce were right."""

    path: str
    nonce: int
    body: bytes
    connection: int


class Verifier:
    """
    A handler for `Server`: what is signed well goes on to another one.

    Attributes
    ----------
    seen : list of Seen
        In the order of their arrival.
    refused : int
        Nonces that were too small.
    forged : int
        Signatures that were wrong.
    """

    def __init__(self, handler: Callable[[Exchange], object]) -> None:
        self.seen: list[Seen] = []
        self.refused = 0
        self.forged = 0
        self.last = 0
        self._handler = handler
        self._lock = threading.Lock()

    def __call__(self, request: Exchange) -> object:
        path, headers = request.target[1:], request.headers
        signed = f"/api/{path}{headers['bfx-nonce']}".encode() + request.body
        wanted = hmac.new(SECRET.encode(), signed, hashlib.sha384).hexdigest()
        nonce = int(headers["bfx-nonce"])
        with self._lock:
            if (headers["bfx-apikey"], headers["bfx-signature"]) != (KEY, wanted):
                self.forged += 1
                return request.answer(NO_SUCH_KEY, 500)
            if nonce <= self.last:
                self.refused += 1
                return request.answer(NONCE_TOO_SMALL, 500)
            self.last = nonce
            self.seen.append(Seen(path, nonce, request.body, request.connection))
        return self._handler(request)


def nothing(request: Exchange) -> object:
    """Answer with an empty list."""
    return request.answer([])


def answered(*answers: Any) -> Callable[[Exchange], object]:
    """Answer each request with the next (status, value), the last one for ever."""
    left = list(answers)

    def answer(request: Exchange) -> object:
        status, value = left.pop(0) if len(left) > 1 else left[0]
        return request.answer(value, status) if status else False

    return answer
