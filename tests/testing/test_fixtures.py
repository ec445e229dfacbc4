"""The fixtures of the plugin, used as any project would use them."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from bfxsync import Client, OrderNotPlaced, OrderRejected, OutcomeUnknown
from bfxsync.errors import RequestTimeout, UsageError
from bfxsync.testing import (
    AccountView,
    FaultInjector,
    FrozenMarket,
    PaperAccount,
    PaperExchange,
    Replayer,
    settle,
)

# Where the project is installed, pytest finds the plugin by itself.
pytest_plugins = ["pytest_bfxsync"]

SUBMIT = "auth/w/order/submit"


def test_an_order_is_in_the_account(
    bfx_exchange: PaperExchange, bfx_client: Client, bfx_account: AccountView
) -> None:
    bfx_client.rest.auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.1")
    (trade,) = bfx_account.trades
    assert trade["amount"] == 0.1
    assert bfx_exchange.account is bfx_account
    assert str(bfx_exchange.port) in bfx_client.wss._settings.url


def test_the_account_is_fresh_in_each_test(bfx_account: AccountView) -> None:
    assert bfx_account.trades == []


def test_a_program_finds_the_exchange_by_its_environment(
    bfx_exchange: PaperExchange,
    bfx_account: AccountView,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in bfx_exchange.environment.items():
        monkeypatch.setenv(name, value)
    with Client() as bfx:
        bfx.rest.auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.1")
        bfx.wss.account.wait_ready(20)
    assert len(bfx_account.trades) == 1


RICH = PaperAccount(api_key="paper-rich", balances={"exchange": {"USD": 5_000_000}})


@pytest.mark.bfx_exchange(accounts=[RICH])
@pytest.mark.bfx_client(post_only=True)
class TestMarkers:
    def test_options_come_from_markers(
        self, bfx_client: Client, bfx_account: AccountView
    ) -> None:
        assert bfx_account.balances == {"exchange": {"USD": 5_000_000.0}}
        order = bfx_client.rest.auth.submit_order(
            "EXCHANGE LIMIT", "tBTCUSD", "1", "10000"
        ).data
        assert order is not None and order.flags == 4096

    @pytest.mark.bfx_exchange(accounts=[RICH, PaperAccount()], seed=7)
    def test_the_closest_marker_has_precedence(
        self, bfx_exchange: PaperExchange
    ) -> None:
        assert [each.api_key for each in bfx_exchange.accounts] == [
            "paper-rich",
            "paper-key",
        ]
        assert bfx_exchange._settings.seed == 7


class TestOverridden:
    @pytest.fixture
    def bfx_exchange_options(self) -> dict[str, Any]:
        return {"accounts": [RICH], "max_channels": 3}

    @pytest.fixture
    def bfx_client_options(self) -> dict[str, Any]:
        return {"affiliate_code": "fake"}

    @pytest.mark.bfx_exchange(max_channels=4)
    def test_options_come_from_fixtures_and_then_markers(
        self, bfx_exchange: PaperExchange, bfx_client: Client
    ) -> None:
        assert bfx_exchange.account.api_key == "paper-rich"
        assert bfx_exchange._settings.max_channels == 4
        assert bfx_client._rest.options["affiliate_code"] == "fake"


def test_a_fault_happens_and_is_counted(
    bfx_client: Client, bfx_fault: FaultInjector, bfx_account: AccountView
) -> None:
    fault = bfx_fault("lost_answer", path=SUBMIT)
    assert fault.count == 0
    with pytest.raises(OutcomeUnknown) as caught:
        bfx_client.rest.auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.1")
    assert caught.value.resolve().status.word == "EXECUTED"
    assert (fault.name, fault.count) == ("lost_answer", 1)
    assert len(bfx_account.trades) == 1


def test_an_absent_order_is_known_soon(
    bfx_client: Client, bfx_fault: FaultInjector
) -> None:
    bfx_fault("lost_request", path=SUBMIT)
    with pytest.raises(OutcomeUnknown) as caught:
        bfx_client.rest.auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.1")
    with pytest.raises(OrderNotPlaced):
        caught.value.resolve()


def test_optional_faults_need_not_happen(bfx_fault: FaultInjector) -> None:
    bfx_fault("lost_answer", path=SUBMIT, optional=True)
    bfx_fault("lost_request", chance=0.5)


def test_each_of_two_equal_faults_is_counted(
    bfx_client: Client, bfx_fault: FaultInjector
) -> None:
    orders = bfx_fault("reject_order", symbol="tETHUSD", times=None)
    other = bfx_fault("reject_order", symbol="tBTCUSD", optional=True)
    for _ in range(2):
        with pytest.raises(OrderRejected):
            bfx_client.rest.auth.submit_order(
                "EXCHANGE LIMIT", "tETHUSD", "1", "100"
            ).raise_for_status()
    assert (orders.count, other.count) == (2, 0)
    assert repr(orders) == "<fault reject_order symbol='tETHUSD': happened 2 times>"


def test_a_test_may_stop_its_exchange(
    bfx_exchange: PaperExchange, bfx_client: Client, bfx_fault: FaultInjector
) -> None:
    bfx_client.wss.subscribe_ticker("tBTCUSD")
    bfx_fault("lost_answer", optional=True)
    bfx_exchange.stop()
    settle(bfx_client)


@pytest.mark.parametrize(
    "options, text",
    [
        ({"optional": 1.5}, "optional must be True or False, not 1.5"),
        ({"times": 0}, "times must be a positive number or None, not 0"),
        ({"chance": 3}, "chance must be above 0 and at most 1, not 3"),
        ({"paht": SUBMIT}, "lost_answer has no option 'paht'; it has path"),
    ],
)
def test_impossible_faults_are_refused(
    bfx_fault: FaultInjector, options: dict[str, Any], text: str
) -> None:
    with pytest.raises(UsageError, match=f"^{text}"):
        bfx_fault("lost_answer", **options)


def test_a_frozen_market_moves_only_by_steps(
    bfx_client: Client, bfx_frozen_market: FrozenMarket, bfx_exchange: PaperExchange
) -> None:
    assert bfx_frozen_market.exchange is bfx_exchange
    assert repr(bfx_exchange) in repr(bfx_frozen_market)
    trades: list[Any] = []
    bfx_client.wss.subscribe_trades("tBTCUSD", trades.append)
    book = bfx_client.wss.subscribe_book("tBTCUSD").book
    before, begin_mts = book.bids(), bfx_exchange.now_mts
    settle(bfx_client)
    assert (book.bids(), bfx_exchange.now_mts) == (before, begin_mts)
    bfx_frozen_market.step()
    assert book.bids() != before and bfx_exchange.now_mts == begin_mts + 1_000
    bfx_frozen_market.step(60)
    # Without any wait: all that has happened was handled.
    assert len(trades) > 5
    assert [row[0] for row in bfx_exchange.book("tBTCUSD")[0]] == [
        level.price for level in book.bids()
    ]


def test_a_frozen_market_moves_until_a_condition_is_true(
    bfx_client: Client, bfx_frozen_market: FrozenMarket, bfx_exchange: PaperExchange
) -> None:
    trades: list[Any] = []
    bfx_client.wss.subscribe_trades("tBTCUSD", trades.append)
    bfx_frozen_market.step_until(lambda: len(trades) >= 3)
    assert 3 <= len(trades) < 50
    now = bfx_exchange.now_mts
    bfx_frozen_market.step_until(lambda: trades)
    assert bfx_exchange.now_mts == now
    with pytest.raises(RequestTimeout, match="is not true after 1.5 s of the exchange"):
        bfx_frozen_market.step_until(lambda: False, 1.5)
    assert bfx_exchange.now_mts == now + 1_500
    with pytest.raises(UsageError, match="^seconds must be"):
        bfx_frozen_market.step_until(lambda: False, 0)


def test_a_long_step_overflows_no_mailbox(bfx_frozen_market: FrozenMarket) -> None:
    slow = threading.Event()
    with bfx_frozen_market.exchange.client(mailbox_size=50) as bfx:
        bfx.wss.subscribe_book("tBTCUSD", callback=lambda update: slow.wait(0.0005))
        bfx_frozen_market.step(30)
        stats = bfx.wss.stats()
        assert (stats["updates"] > 300, stats["drops"]) == (True, 0)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), "1", True])
def test_a_step_of_no_length_is_refused(
    bfx_frozen_market: FrozenMarket, seconds: Any
) -> None:
    with pytest.raises(UsageError, match="^seconds must be a positive number, not"):
        bfx_frozen_market.step(seconds)


def test_a_strategy_that_trades_in_callbacks_is_awaited(
    bfx_client: Client, bfx_frozen_market: FrozenMarket, bfx_account: AccountView
) -> None:
    filled: list[Any] = []

    def buy(trade: Any) -> None:
        if not filled:
            bfx_client.wss.inputs.submit_order(
                "EXCHANGE MARKET", "tBTCUSD", "0.1", on_done=filled.append
            )

    bfx_client.wss.subscribe_trades("tBTCUSD", buy)
    bfx_client.wss.account.wait_ready(10)
    bfx_frozen_market.step(60)
    assert filled and len(bfx_account.closed_orders) >= 1


def test_a_market_frozen_later_is_frozen(
    request: pytest.FixtureRequest, bfx_exchange: PaperExchange
) -> None:
    market: FrozenMarket = request.getfixturevalue("bfx_frozen_market")
    now = bfx_exchange.now_mts
    market.step(5)
    assert bfx_exchange.now_mts == now + 5_000


def test_a_recording_is_played_to_a_client(bfx_replay: Replayer) -> None:
    bfx = bfx_replay("public-20210417")
    assert bfx.exchange is not None
    book = bfx.wss.subscribe_book("tDOGUSD").book
    before = book.bids()
    bfx.exchange.play()
    assert bfx.exchange.finished.wait(30)
    settle(bfx)
    assert bfx.wss.stats()["updates"] > 100 and book.bids() != before
    assert bfx.exchange.checksum("tDOGUSD") == book.checksum()


@pytest.mark.parametrize(
    "path, text",
    [
        (7, "a recording must be the path of a file, not 7"),
        ("no-such-recording", "or the path of a recording, not 'no-such-recording'"),
    ],
)
def test_what_is_no_recording_is_refused(
    bfx_replay: Replayer, path: Any, text: str
) -> None:
    with pytest.raises(UsageError, match=text):
        bfx_replay(path)
