"""A minimal client of the REST endpoints."""

from __future__ import annotations

from typing import Any

import requests

from bfxsync.paper import PaperExchange

TIMEOUT_S = 10


class Rest:
    """A REST client of an exchange that parses answers."""

    def __init__(self, exchange: PaperExchange) -> None:
        self.url = exchange.rest_url
        self.session = requests.Session()
        self.session.trust_env = False

    def __enter__(self) -> Rest:
        return self

    def __exit__(self, *exc: object) -> None:
        self.session.close()

    def ask(self, path: str, method: str = "GET", **options: Any) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        url = f"{self.url}/{path}"
        answer = self.session.request(method, url, timeout=TIMEOUT_S, **options)
        assert answer.headers["Content-Type"].startswith("application/json")
        return answer.status_code, answer.json()

    def get(self, path: str, **params: Any) -> Any:
        """The answer to a valid request."""
        status, value = self.ask(path, params=params)
        assert status == 200, value
        return value

    def post(self, path: str, **body: Any) -> Any:
        """The answer to a valid request with a body."""
        status, value = self.ask(path, "POST", json=body)
        assert status == 200, value
        return value

    def error(self, path: str, **params: Any) -> str:
        """The text of an error about a parameter."""
        status, (word, code, text) = self.ask(path, params=params)
        assert (status, word, code) == (500, "error", 10020)
        return str(text)
