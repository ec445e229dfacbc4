"""Programs written for the official client find its names here."""

from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path
from queue import Queue

import pytest
from patience import at_most

import bfxsync
from bfxsync import (
    Backoff,
    Client,
    SubscriptionRejected,
    UsageError,
    WebSocketClient,
    types,
)
from bfxsync.compat import exceptions
from bfxsync.paper import PaperExchange
from bfxsync.websocket import subscriptions
from bfxsync.ws.dispatch.account_events import ACCOUNT_EVENTS
from bfxsync.ws.dispatch.events import EVENTS

NAMES = (Path(__file__).parent / "data" / "official_names.txt").read_text()
IMPORTS, OFFICIAL_EVENTS = (
    part.strip().splitlines() for part in NAMES.split("[imports]")[1].split("[events]")
)


@pytest.fixture
def account():
    """A client with a key, and no exchange."""
    with Client("paper-key", "paper-s", wss_host="ws://127.0.0.1:1/ws/2") as client:
        yield client.wss


@pytest.fixture
def client():
    with WebSocketClient("ws://127.0.0.1:1/ws/2") as client:
        yield client


@pytest.fixture
def package_logger():
    logger = logging.getLogger("bfxsync")
    yield logger
    logger.parent = logging.getLogger()
    logger.setLevel(logging.NOTSET)


@pytest.mark.parametrize("line", IMPORTS)
def test_an_official_import_line_works(line):
    exec(line.replace("bfxapi", "bfxsync"), {})


@pytest.mark.parametrize("line", OFFICIAL_EVENTS)
def test_an_official_event_has_the_official_arguments(account, line):
    name, count = line.split()
    handler = eval(f"lambda {', '.join('abcd'[: int(count)])}: None")
    assert account.on(name, handler) is handler
    with pytest.raises(UsageError, match="callback is called with"):
        account.on(name, lambda a, b, c, d: None)


def test_no_other_event_is_known_but_our_own():
    official = {line.split()[0] for line in OFFICIAL_EVENTS}
    ours = {"fatal", "raw_update", "restored", "subscription_failed"}
    ours |= {"account_message", "heartbeat"}
    ours |= {"funding_trade_execution", "funding_trade_execution_update"}
    assert EVENTS - official == ours


@pytest.mark.parametrize("event", sorted(ACCOUNT_EVENTS))
def test_events_of_an_account_need_a_key(client, event):
    with pytest.raises(UsageError, match="has no key"):
        client.on(event, print)


def test_every_official_exception_is_one_of_ours():
    for name in exceptions.__all__:
        assert issubclass(getattr(exceptions, name), bfxsync.BfxError)


def test_fields_of_a_subscription_are_those_of_its_typed_dict(client):
    for channel, kind, arguments in [
        ("ticker", subscriptions.Ticker, {"symbol": "tBTCUSD"}),
        ("trades", subscriptions.Trades, {"symbol": "tBTCUSD"}),
        ("book", subscriptions.Book, {"symbol": "tBTCUSD"}),
        ("candles", subscriptions.Candles, {"key": "trade:1m:tBTCUSD"}),
        ("status", subscriptions.Status, {"key": "liq:global"}),
    ]:
        handle = client.subscribe(channel, wait=False, **arguments)
        assert set(handle.keys()) == set(kind.__annotations__)


def test_wss_error_gets_code_and_message_of_a_rejection():
    got, errors = Queue(), Queue()
    with PaperExchange() as exchange:
        with WebSocketClient(exchange.url, on_error=errors.put) as client:
            client.on("wss-error", lambda code, message: got.put((code, message)))
            client.subscribe_ticker("tNOPENOPE", wait=False)
            error = errors.get(timeout=20)
            assert isinstance(error, SubscriptionRejected)
            assert got.get(timeout=20) == (error.code, error.message)


def test_the_timeout_of_a_client_may_be_none():
    with Client(timeout=None) as one, Client(timeout=900) as two:
        assert one.wss._settings.timeout_s == 10.0
        assert two.wss._settings.timeout_s == 900


def test_records_go_to_the_handlers_of_the_logger(package_logger):
    records = []

    class Handler(logging.Handler):
        def emit(self, record):
            records.append(record.getMessage())

    robot = logging.getLogger("robot")
    robot.addHandler(Handler())
    robot.setLevel(logging.INFO)
    try:
        with Client(logger=robot):
            bfxsync.ws.core.core._log.info("one %s", 1)
            robot.setLevel(logging.ERROR)
            bfxsync.ws.core.core._log.info("two")
    finally:
        robot.handlers.clear()
    assert records == ["one 1"]


@pytest.mark.parametrize("name", ["bfxsync", "bfxsync.ws", "root"])
def test_a_logger_above_or_within_the_package_makes_no_circle(package_logger, name):
    Client(logger=logging.getLogger(name if name != "root" else None)).close()
    assert package_logger.parent is logging.getLogger()


@pytest.mark.parametrize("logger", ["robot", 5, logging])
def test_a_logger_of_another_kind_is_a_usage_error(logger):
    with pytest.raises(UsageError, match="^logger must be a logging.Logger"):
        Client(logger=logger)


def test_a_program_of_the_official_client_trades():
    """As its examples are written, without ``async`` and ``await``."""
    got = {}

    def handler(name):
        return lambda *arguments: got.setdefault(name, Queue()).put(arguments)

    with PaperExchange(rate=0.001) as exchange:
        bfx = Client(
            api_key="paper-key",
            api_secret="paper-secret",
            wss_host=exchange.url,
            rest_host=exchange.rest_url,
            filters=["trading", "funding", "wallet", "balance"],
            backoff=Backoff(first_s=0.05),
        )
        # The first handler opens the connection: events must not come before the others.
        exchange.inject("refuse_handshake", times=None)
        for name in ACCOUNT_EVENTS:
            got[name] = Queue()
            bfx.wss.on(name, handler(name))

        @bfx.wss.on("authenticated")
        def on_authenticated(event):
            inputs = bfx.wss.inputs
            inputs.submit_order(
                type="EXCHANGE LIMIT", symbol="tBTCUSD", amount=0.165, price=30264.0
            )
            inputs.submit_order("MARKET", "tBTCUSD", "0.1", "0")
            inputs.submit_funding_offer("LIMIT", "fUSD", "150", "0.01", 2)
            inputs.calc("margin_base", "margin_sym_tBTCUSD", "funding_sym_fUSD")

        @bfx.wss.on("order_new")
        def on_order_new(order: types.Order):
            bfx.wss.inputs.update_order(order.id, amount=0.2)

        @bfx.wss.on("order_update")
        def on_order_update(order: types.Order):
            bfx.wss.inputs.cancel_order(id=order.id)

        @bfx.wss.on("funding_offer_new")
        def on_funding_offer_new(offer: types.FundingOffer):
            bfx.wss.inputs.cancel_funding_offer(id=offer.id)

        exchange.clear_faults()
        bfx.wss.start()
        with closing(bfx):
            for name, kind in KINDS.items():
                (data,) = got[name].get(timeout=at_most(30))
                if name.endswith("_snapshot"):
                    assert all(isinstance(row, kind) for row in data) and data == [
                        *data
                    ]
                elif name.endswith("-notification"):
                    assert isinstance(data, types.Notification)
                    assert data.status == "SUCCESS" and isinstance(data.data, kind)
                else:
                    assert isinstance(data, kind), name


KINDS = {
    "authenticated": dict,
    "wallet_snapshot": types.Wallet,
    "order_snapshot": types.Order,
    "position_snapshot": types.Position,
    "funding_offer_snapshot": types.FundingOffer,
    "funding_credit_snapshot": types.FundingCredit,
    "funding_loan_snapshot": types.FundingLoan,
    "on-req-notification": types.Order,
    "order_new": types.Order,
    "ou-req-notification": types.Order,
    "order_update": types.Order,
    "oc-req-notification": types.Order,
    "order_cancel": types.Order,
    "position_new": types.Position,
    "trade_execution": types.Trade,
    "trade_execution_update": types.Trade,
    "wallet_update": types.Wallet,
    "balance_update": types.BalanceInfo,
    "fon-req-notification": types.FundingOffer,
    "funding_offer_new": types.FundingOffer,
    "foc-req-notification": types.FundingOffer,
    "funding_offer_cancel": types.FundingOffer,
    "base_margin_info": types.BaseMarginInfo,
    "symbol_margin_info": types.SymbolMarginInfo,
    "funding_info_update": types.FundingInfo,
}
"""What happens in this program, and what its handlers get."""
