from __future__ import annotations

import io
import json
from typing import Any, Callable, Iterator, NamedTuple

import pytest

from bfxsync.cli.main import main
from bfxsync.paper import PaperExchange


class Ended(NamedTuple):
    """What a command has printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def objects(self) -> list[Any]:
        return [json.loads(line) for line in self.lines]


Run = Callable[..., Ended]


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange() as running:
        yield running
        running.clear_faults()


@pytest.fixture
def run(
    exchange: PaperExchange,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Runs a command on the exchange of the module; `typed` is what the person types."""
    monkeypatch.setenv("BFX_REST_HOST", exchange.rest_url)
    monkeypatch.setenv("BFX_WSS_HOST", exchange.url)

    def invoke(*argv: str, typed: str = "") -> Ended:
        monkeypatch.setenv("BFX_API_KEY", exchange.account.api_key)
        monkeypatch.setenv("BFX_API_SECRET", exchange.account.api_secret)
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        try:
            code = main(argv)
        except SystemExit as exc:
            assert isinstance(exc.code, int)
            code = exc.code
        return Ended(code, *capsys.readouterr())

    return invoke
