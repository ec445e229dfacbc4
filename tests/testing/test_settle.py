"""Waiting until clients have handled all that an exchange has sent."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from bfxsync import Client, RequestTimeout
from bfxsync.errors import UsageError
from bfxsync.paper import PaperExchange
from bfxsync.testing import FaultInjector, FrozenMarket, settle

pytest_plugins = ["pytest_bfxsync"]

PATIENCE_S = 30.0
SYMBOLS = ("tBTCUSD", "tETHUSD", "tLTCUSD")


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_callbacks_of_every_thread_are_awaited(
    bfx_frozen_market: FrozenMarket, threads: int
) -> None:
    exchange = bfx_frozen_market.exchange
    seen: list[Any] = []
    with exchange.client(dispatch_threads=threads) as bfx:
        books = [bfx.wss.subscribe_book(each, callback=seen.append) for each in SYMBOLS]
        bfx.wss.account.wait_ready(PATIENCE_S)
        for _ in range(3):
            bfx_frozen_market.step(20)
            count = len(seen)
            for book in books:
                assert exchange.checksum(book.symbol) == book.book.checksum()
            stats = bfx.wss.stats()
            assert (len(seen), stats["queued"]) == (count, 0)
            assert count == stats["updates"]


def test_an_endless_callback_is_named(
    bfx_frozen_market: FrozenMarket, bfx_client: Client
) -> None:
    end = threading.Event()
    bfx_client.wss.subscribe_book(
        "tBTCUSD", callback=lambda update: end.wait(PATIENCE_S)
    )
    bfx_frozen_market.exchange.step(5)
    try:
        with pytest.raises(
            RequestTimeout, match="^a callback of book tBTCUSD .*was not done in time"
        ):
            settle(bfx_client, timeout=0.5)
    finally:
        end.set()


def test_a_callback_cannot_wait_for_itself(
    bfx_frozen_market: FrozenMarket, bfx_client: Client
) -> None:
    errors: list[BaseException] = []
    begin_mts = bfx_frozen_market.exchange.now_mts

    def wait(ticker: object) -> None:
        for call in (lambda: settle(bfx_client), bfx_frozen_market.step):
            with pytest.raises(UsageError) as caught:
                call()
            errors.append(caught.value)

    bfx_client.wss.subscribe_ticker("tBTCUSD", wait)
    settle(bfx_client)
    assert [str(error)[:26] for error in errors] == [
        "settle() cannot be called ",
        "step() cannot be called by",
    ]
    assert bfx_frozen_market.exchange.now_mts == begin_mts


def test_connections_that_are_not_open_are_left_out(
    bfx_client: Client, bfx_exchange: PaperExchange, bfx_fault: FaultInjector
) -> None:
    settle(bfx_client)
    bfx_client.wss.subscribe_ticker("tBTCUSD")
    lost = threading.Event()
    bfx_client.wss.on("disconnected", lambda code, reason: lost.set())
    bfx_fault("refuse_handshake", times=None, optional=True)
    bfx_exchange.drop_connections()
    assert lost.wait(PATIENCE_S)
    settle(bfx_client)
    bfx_client.close()
    settle(bfx_client)


@pytest.mark.parametrize(
    "arguments, text",
    [
        ((None,), "client must be a Client or WebSocketClient, not None"),
        (("bfx", 0), "timeout must be"),
        (("bfx", "1"), "timeout must be"),
    ],
)
def test_what_cannot_be_awaited_is_refused(
    bfx_client: Client, arguments: tuple[Any, ...], text: str
) -> None:
    first = bfx_client if arguments[0] == "bfx" else arguments[0]
    with pytest.raises(UsageError, match=f"^{text}"):
        settle(first, *arguments[1:])
