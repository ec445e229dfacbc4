"""R06: nonces of one key for REST and for connections of the WebSocket, in one or two processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Iterator

import pytest

from bfxsync import Backoff
from bfxsync.auth import nonce as nonces
from bfxsync.auth.nonce import MAX_NONCE, Nonce
from bfxsync.paper import PaperExchange

from . import nonce_user
from .nonce_user import DEADLINE_S, EVERY

SENDS = [
    pytest.param(20, id="short"),
    pytest.param(
        10_000, id="long", marks=[pytest.mark.long, pytest.mark.timeout(1800)]
    ),
]


class RecordedNonce(Nonce):
    """A source that keeps what each thread was given, and whose clock can be set back."""

    def __init__(self) -> None:
        self.back_s = 0.0
        self.given: dict[int, list[int]] = {}
        super().__init__(lambda: time.time() - self.back_s)

    def next(self) -> int:
        nonce = super().next()
        self.given.setdefault(threading.get_ident(), []).append(nonce)
        return nonce

    def set_back(self) -> None:
        self.back_s = 3600.0


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(rate=1e-3) as exchange:
        yield exchange


def expected(sends: int, processes: int = 1) -> dict[str, int]:
    """Return how many sends there are of each kind."""
    opens = processes * sum(
        number % EVERY == index for index in range(8) for number in range(sends)
    )
    return {"authentications": opens, "requests": processes * 8 * sends - opens}


@pytest.mark.parametrize("sends", SENDS)
def test_r06_refused_nonces_of_both_transports_are_retried(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    exchange: PaperExchange,
    sends: int,
) -> None:
    key, source = exchange.account.api_key, RecordedNonce()
    monkeypatch.setitem(nonces._nonces, key, source)
    with exchange.client(rest_timeout=DEADLINE_S) as bfx:
        counts = nonce_user.use(bfx, exchange.url, sends, source.set_back)
        assert bfx.rest.stats()["errors"] == {}
    print(dict(counts))
    assert counts.items() >= expected(sends).items()
    each = list(source.given.values())
    given = [nonce for mine in each for nonce in mine]
    assert all(mine == sorted(mine) for mine in each)
    # The clock of the second half was an hour behind.
    assert len(set(given)) == len(given) >= counts["requests"]
    assert source.back_s and max(given) <= MAX_NONCE
    # No other process is at work.
    assert "another process" not in caplog.text


@pytest.mark.parametrize(
    "opens", [5, pytest.param(300, marks=[pytest.mark.long])], ids=str
)
def test_r06_client_authenticates_again_while_rest_is_busy(
    exchange: PaperExchange, opens: int
) -> None:
    errors: list[BaseException] = []
    authenticated = threading.Semaphore(0)
    over = threading.Event()
    with exchange.client(backoff=Backoff(first_s=0.01, cap_s=0.02)) as bfx:
        bfx.wss.on("authenticated", lambda data: authenticated.release())

        def work() -> None:
            try:
                while not over.is_set():
                    bfx.rest.request("POST", "auth/r/summary")
            except BaseException as exc:
                errors.append(exc)

        threads = [threading.Thread(target=work) for _ in range(7)]
        for thread in threads:
            thread.start()
        for number in range(opens):
            assert authenticated.acquire(timeout=DEADLINE_S)
            if number < opens - 1:
                exchange.drop_connections()
        over.set()
        for thread in threads:
            thread.join()
        assert errors == [] and bfx.wss.exception is None


@pytest.mark.parametrize("sends", SENDS)
def test_r06_two_processes_share_a_key_through_a_file(
    exchange: PaperExchange, tmp_path: Path, sends: int
) -> None:
    path = tmp_path / "nonce"
    program = [sys.executable, "-m", "integration.nonce_user"]
    arguments = [exchange.url, exchange.rest_url, str(path), str(sends)]
    keys = {"BFX_API_KEY": exchange.account.api_key}
    keys["BFX_API_SECRET"] = exchange.account.api_secret
    folders = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), *sys.path]))
    environment = {**os.environ, **keys, "PYTHONPATH": folders}
    runs = [
        subprocess.Popen(
            program + arguments, env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    total: Counter[str] = Counter()
    for run in runs:
        output, _ = run.communicate(timeout=1500)
        assert run.returncode == 0
        total.update(json.loads(output))
    print(dict(total))
    assert total.items() >= expected(sends, 2).items()
    assert int(path.read_text()) <= MAX_NONCE
