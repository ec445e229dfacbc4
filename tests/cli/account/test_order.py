"""Orders on a local exchange, also with faults."""

from __future__ import annotations

import json
import os
import threading
from typing import Any, Callable, Iterator

import pytest
from patience import at_most

from bfxsync import (
    ApiError,
    AuthError,
    BfxError,
    Client,
    ClosedError,
    NetworkError,
    OrderNotPlaced,
    OrderRejected,
    OutcomeUnknown,
)
from bfxsync.cli import order_cancel, order_watch
from bfxsync.cli.order_fates import fate_of_error, fate_of_order
from bfxsync.cli.order_terms import quote_of, terms_of
from bfxsync.cli.order_watch import OrderWatch
from bfxsync.cli.play_account import furnish
from bfxsync.models import Order
from bfxsync.paper import PaperExchange

from .conftest import Run

LIMIT = ("order", "submit", "buy", "0.10", "tBTCUSD", "--price", "20000")
MARKET = ("order", "submit", "sell", "0.1", "tBTCUSD", "--market", "--yes")


def ids(exchange: PaperExchange) -> list[int]:
    return [order["id"] for order in exchange.account.orders]


@pytest.fixture(autouse=True)
def no_order_is_left(exchange: PaperExchange) -> Any:
    yield
    with exchange.client() as bfx:
        bfx.rest.auth.cancel_all_orders()


# --- submit -----------------------------------------------------------------------------------


def test_an_order_is_sent_after_a_yes_only(run: Run, exchange: PaperExchange) -> None:
    declined = run(*LIMIT, typed="n\n")
    assert declined.code == 130 and declined.out == ""
    assert declined.err.startswith(
        "buy 0.1 of tBTCUSD, EXCHANGE LIMIT, at 20,000, value 2,000 USD\n"
    )
    question = "Send it to 127.0.0.1? [y/N]: nothing was sent\n"
    assert declined.err.endswith(question) and not ids(exchange)
    accepted = run(*LIMIT, typed="y\n")
    (order,) = exchange.account.orders
    assert accepted.code == 0
    assert accepted.out == f"order {order['id']} is in the book: ACTIVE\n"
    # What was shown is what was sent.
    message = json.loads(accepted.err.splitlines()[1])
    assert message[:3] == [0, "on", None] and message[3]["cid"] == order["cid"]


@pytest.mark.parametrize("typed", ["", "\n", "maybe\n", "n\n", "yess\n"])
def test_only_a_yes_is_a_yes(typed: str, run: Run, exchange: PaperExchange) -> None:
    opened = exchange.connections_opened
    ended = run(*LIMIT, typed=typed)
    assert ended.code == 130 and ended.out == ""
    assert "nothing was sent" in ended.err and exchange.connections_opened == opened


def test_a_dry_run_sends_nothing(run: Run, exchange: PaperExchange) -> None:
    opened = exchange.connections_opened
    ended = run(*LIMIT, "--dry-run", "--yes", "--hidden", "--cid", "7")
    assert ended.code == 0 and exchange.connections_opened == opened
    assert json.loads(ended.out) == [
        0,
        "on",
        None,
        {
            **{"type": "EXCHANGE LIMIT", "symbol": "tBTCUSD", "amount": "0.10"},
            **{"price": "20000", "flags": 64, "cid": 7},
        },
    ]


@pytest.mark.skipif(os.name != "posix", reason="pipes and devices")
@pytest.mark.parametrize("command", ["order submit", "order cancel", "rest"])
def test_a_fate_that_cannot_be_printed_is_on_stderr(
    command: str, run: Run, exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv: tuple[str, ...] = LIMIT
    if command == "order cancel":
        run(*LIMIT, "--yes")
        argv = ("order", "cancel", "--all")
    elif command == "rest":
        argv = ("rest", "submit_order", "--type", "EXCHANGE LIMIT")
        argv += ("--symbol", "tBTCUSD", "--amount", "0.1", "--price", "20000")
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as gone:
        monkeypatch.setattr("sys.stdout", gone)
        ended = run(*argv, "--yes")
    assert ended.code == 0
    assert ("CANCELED" if command == "order cancel" else "ACTIVE") in ended.err


def test_an_executed_order_says_so(run: Run) -> None:
    ended = run(*MARKET)
    assert ended.code == 0
    assert " was executed: sold 0.1 of 0.1, at " in ended.out
    watched = run(*MARKET, "--watch")
    assert watched.code == 0 and watched.lines[0].startswith("filled -0.")


def test_json_has_fate_and_order(run: Run) -> None:
    ended = run(*LIMIT, "--yes", "--json")
    (found,) = ended.objects
    assert f'"cid": {found["cid"]}' in ended.err
    assert found["fate"] == "placed" and found["order"]["amount"] == 0.1
    assert found["cid"] == found["order"]["cid"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            ["--price", "90000", "--post-only"],
            "nothing was executed: POSTONLY CANCELED",
        ),
        (["--price", "20000", "--type", "fok"], "nothing was executed: FILLORKILL"),
    ],
)
def test_an_order_that_is_cancelled_at_once_is_code_3(
    more: list[str], told: str, run: Run
) -> None:
    ended = run("order", "submit", "buy", "0.1", "tBTCUSD", "--yes", *more)
    assert ended.code == 3 and told in ended.out


def test_a_refused_order_is_code_3(run: Run) -> None:
    ended = run("order", "submit", "sell", "5000", "tBTCUSD", "--market", "--yes")
    assert ended.code == 3 and ended.out.startswith("refused: ")
    assert "(code 10001)" in ended.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["buy", "0.1", "tBTCUSD"], "give a --price, or --market for any price"),
        (["buy", "0.1", "tBTCUSD", "--market", "--price", "1"], "--market cannot be"),
        (["buy", "0.1", "tBTCUSD", "--price", "12345.6"], "--round-price would round"),
        (["buy", "0.1", "btcusdt", "--market"], "symbol must be"),
        (["buy", "0.1", "fUSD", "--market"], "symbol must be that of a pair"),
        (["buy", "0", "tBTCUSD", "--market"], "amount must not be zero"),
        (["hold", "0.1", "tBTCUSD", "--market"], "'hold' is not one of"),
        (["buy", "all", "tBTCUSD", "--market"], "expected a number, not 'all'"),
        (["buy", "1", "tBTCUSD", "--price", "1", "--type", "SOON"], "type must be"),
        (
            ["buy", "1", "tBTCUSD", "--market", "--max-value", "1000"],
            "expected such as USD=1000, not '1000'",
        ),
        (["buy", "1", "tBTCUSD", "--market", "--post-only"], "post"),
    ],
)
def test_wrong_terms_are_one_line_and_send_nothing(
    arguments: list[str], message: str, run: Run, exchange: PaperExchange
) -> None:
    opened = exchange.connections_opened
    ended = run("order", "submit", *arguments, "--yes")
    assert ended.code == 2 and ended.out == ""
    assert message in ended.err and ended.err.count("\n") == 1
    assert exchange.connections_opened == opened


def test_a_negative_amount_is_refused(run: Run) -> None:
    ended = run("order", "submit", "--market", "buy", "--", "-0.1", "tBTCUSD")
    assert ended.code == 2 and "AMOUNT must be positive, not -0.1" in ended.err


def test_guards_refuse_before_anything_is_sent(
    run: Run, exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = run(*LIMIT, "--yes", "--max-value", "USD=1000")
    assert ended.code == 2 and not ids(exchange)
    assert "max_order_value" in ended.err and "nothing was sent" in ended.err
    assert run(*LIMIT, "--yes", "--max-value", "USD=3000").code == 0
    monkeypatch.setenv("BFX_MAX_ORDER_VALUE", "USD=1000 EUR=1000")
    assert run(*LIMIT, "--yes").code == 2
    monkeypatch.delenv("BFX_MAX_ORDER_VALUE")
    assert len(ids(exchange)) == 1
    assert run(*LIMIT, "--yes", "--max-open-orders", "1").code == 2
    huge = ["order", "submit", "buy", "9", "tBTCUSD", "--price", "60000", "--yes"]
    assert run(*huge, "--check-funds").code == 2


def test_a_lost_answer_is_searched_for(run: Run, exchange: PaperExchange) -> None:
    exchange.inject("cut_after_input", input="on")
    ended = run(*LIMIT, "--yes")
    assert ended.code == 0
    assert len(ids(exchange)) == 1 and str(ids(exchange)[0]) in ended.out


def test_an_order_without_answer_is_unknown_and_sent_once(
    run: Run, exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bfxsync.cli.order_submit._FIRST_S", 0.1)
    monkeypatch.setattr("bfxsync.cli.order_submit._LONGEST_S", 0.1)
    exchange.inject("late_notification", input="on", delay_s=5)
    exchange.inject("lost_event", event="on")
    ended = run(*LIMIT, "--yes", "--json")
    assert ended.code == 5
    (found,) = ended.objects
    assert found["fate"] == "unknown"
    assert f"not send it again: bfxsync orders --cid {found['cid']}" in found["text"]
    (order,) = exchange.account.orders
    assert order["cid"] == found["cid"]
    assert "waiting for certainty" in ended.err


def test_an_interrupt_in_flight_is_unknown(
    run: Run, exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bfxsync.cli.order_submit._fate", interrupt)
    ended = run(*LIMIT, "--yes")
    assert ended.code == 5 and ended.out.startswith("UNKNOWN: ")


def test_without_network_nothing_is_sent(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BFX_WSS_HOST", "ws://127.0.0.1:9")
    monkeypatch.setattr("bfxsync.cli.order_submit.CONNECT_S", 0.2)
    ended = run(*LIMIT, "--yes")
    assert ended.code == 4 and ended.out.startswith("nothing was sent: ")


# --- fates ------------------------------------------------------------------------------------


def order_with(status: str, amount: float, price_avg: float | None) -> Order:
    row: list[Any] = [None] * 32
    row[:9] = [1, None, 2, "tBTCUSD", 1, 1, amount, -0.3, "EXCHANGE IOC"]
    row[13], row[16], row[17] = status, 1.0, price_avg
    return Order.from_row(row)


@pytest.mark.parametrize(
    ("status", "left", "word", "code", "text"),
    [
        ("ACTIVE", -0.3, "placed", 0, "order 1 is in the book: ACTIVE"),
        (
            *("PARTIALLY FILLED @ 1.0(-0.1)", -0.2, "placed", 0),
            "order 1 is in the book: PARTIALLY FILLED; sold 0.1 of 0.3, at 5 on average",
        ),
        (
            *("EXECUTED @ 5.0(-0.3)", 0.0, "executed", 0),
            "order 1 was executed: sold 0.3 of 0.3, at 5 on average",
        ),
        (
            *("IOC CANCELED was: PARTIALLY FILLED @ 5.0(-0.1)", -0.2),
            *("executed in part", 0),
            "order 1 was executed in part, the rest was cancelled: sold 0.1 of 0.3, "
            "at 5 on average; IOC CANCELED",
        ),
        (
            *("INSUFFICIENT BALANCE (G1)", -0.3, "cancelled", 3),
            "order 1 was cancelled, nothing was executed: INSUFFICIENT BALANCE (G1)",
        ),
    ],
)
def test_fates_of_orders_are_sentences(
    status: str, left: float, word: str, code: int, text: str
) -> None:
    fate = fate_of_order(order_with(status, left, 5.0))
    assert (fate.word, fate.code, fate.text) == (word, code, text)


def not_placed(proof: Any) -> OrderNotPlaced:
    return OrderNotPlaced("gone", phase="send", proof=proof, cid=7)


@pytest.mark.parametrize(
    ("error", "word", "code"),
    [
        (OrderRejected("no", code=10001), "refused", 3),
        (not_placed("never_sent"), "not sent", 4),
        (not_placed("refused"), "refused", 3),
        (not_placed("absent"), "absent", 1),
        (OutcomeUnknown("lost", cid=7), "unknown", 5),
        (AuthError("no", code=10100), "refused", 3),
        (ApiError("no"), "refused", 3),
        (NetworkError("down", phase="connect"), "not placed", 4),
        (ClosedError("closed"), "not placed", 1),
    ],
)
def test_fates_of_errors_have_their_codes(
    error: BfxError, word: str, code: int
) -> None:
    fate = fate_of_error(error, 7)
    assert (fate.word, fate.code) == (word, code)
    assert json.loads(fate.json(7))["cid"] == 7


@pytest.mark.parametrize(
    ("symbol", "margin", "kind", "expected"),
    [
        ("tBTCUSD", False, None, "EXCHANGE LIMIT"),
        ("tBTCUSD", True, None, "LIMIT"),
        ("tBTCF0:USTF0", False, None, "LIMIT"),
        ("tBTCUSD", False, "stop-limit", "EXCHANGE STOP LIMIT"),
        ("tBTCUSD", False, "exchange fok", "EXCHANGE FOK"),
    ],
)
def test_types_get_their_wallet(
    symbol: str, margin: bool, kind: str | None, expected: str
) -> None:
    terms = terms_of(
        *("buy", "1", symbol),
        kind=kind,
        market=False,
        margin=margin,
        price="100",
        price_aux_limit="101" if kind == "stop-limit" else None,
    )
    assert terms.body["type"] == expected
    price = "once the price is 100, limit 101" if "STOP" in expected else "at 100"
    assert f"buy 1 of {symbol}, {expected}, {price}, value 100 " in terms.sentence
    assert quote_of(symbol) in terms.sentence


# --- cancel -----------------------------------------------------------------------------------


def test_orders_are_cancelled_after_a_yes(run: Run, exchange: PaperExchange) -> None:
    for _ in range(2):
        assert run(*LIMIT, "--yes").code == 0
    one, two = ids(exchange)
    dry = run("order", "cancel", "--all", "--dry-run")
    assert dry.code == 0 and len(dry.lines) == 3
    declined = run("order", "cancel", str(one), typed="\n")
    assert declined.code == 130 and "Cancel this order?" in declined.err
    assert ids(exchange) == [one, two]
    done = run("order", "cancel", str(one), typed="y\n")
    assert done.code == 0
    assert done.out == f"order {one} was cancelled, nothing was executed: CANCELED\n"
    rest = run("order", "cancel", "--symbol", "tBTCUSD", "--yes", "--json")
    assert rest.code == 0 and [found["id"] for found in rest.objects] == [two]
    assert run("order", "cancel", "--all") == (0, "", "no open orders to cancel\n")


def test_an_order_that_is_not_open_is_code_3(run: Run) -> None:
    ended = run("order", "cancel", "5", "--yes")
    assert ended.code == 3 and ended.err.startswith("order 5 is not open\n")


@pytest.mark.parametrize(
    "arguments", [[], ["5", "--all"], ["5", "--symbol", "tBTCUSD"]]
)
def test_what_to_cancel_must_be_clear(arguments: list[str], run: Run) -> None:
    ended = run("order", "cancel", *arguments)
    assert ended.code == 2 and "give ids of orders, or --symbol, or --all" in ended.err


def test_an_order_that_was_executed_meanwhile_is_too_late() -> None:
    executed = order_with("EXECUTED @ 5.0(-0.3)", 0.0, 5.0)
    fate = order_cancel._fate(executed)
    assert fate.code == 1 and fate.text.startswith("too late: order 1 was executed: ")


def test_one_interrupt_ends_the_wait_for_all(
    run: Run, exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        assert run(*LIMIT, "--yes").code == 0
    one, two = ids(exchange)
    waits: list[float] = []
    original = order_cancel._fate_of

    def interrupt(order: Order, cancellation: Any, wait_s: float) -> Any:
        waits.append(wait_s)
        if len(waits) == 1:
            raise KeyboardInterrupt
        return original(order, OutcomeUnknown("in flight"), wait_s)

    monkeypatch.setattr(order_cancel, "_fate_of", interrupt)
    ended = run("order", "cancel", "--all", "--yes")
    assert ended.code == 5 and waits == [order_cancel._ANSWER_S, 0.0, 0.0]
    assert [line.partition(" may or")[0] for line in ended.lines] == [
        *(f"UNKNOWN: order {two}", f"UNKNOWN: order {one}")
    ]


# --- watch ------------------------------------------------------------------------------------


@pytest.fixture
def after_the_first_line(
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[Callable[[], object]], None]]:
    """Starts a function in a thread once a watch has printed something."""
    printed = threading.Event()
    threads: list[threading.Thread] = []
    for name in ("_print_text", "_print_json"):

        def print_one(
            word: str, data: Any, original: Any = getattr(order_watch, name)
        ) -> None:
            original(word, data)
            printed.set()

        monkeypatch.setattr(order_watch, name, print_one)

    def start(function: Callable[[], object]) -> None:
        def run() -> None:
            assert printed.wait(at_most(30))
            function()

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield start
    for thread in threads:
        thread.join()


def test_watching_an_order_ends_with_it(
    run: Run, exchange: PaperExchange, after_the_first_line: Any
) -> None:
    assert run(*LIMIT, "--yes").code == 0
    (id,) = ids(exchange)

    def cancel() -> None:
        with exchange.client() as bfx:
            bfx.rest.auth.cancel_order(id=id)

    after_the_first_line(cancel)
    ended = run("order", "watch", str(id), "--json")
    assert ended.code == 3
    assert [found["event"] for found in ended.objects] == ["open", "closed"]
    closed = run("order", "watch", str(id))
    assert closed.code == 3 and "  closed   " in closed.out
    unknown = run("order", "watch", "5")
    assert unknown == (3, "", "order 5 is not known\n")


def test_a_watch_tells_what_an_outage_has_hidden(
    run: Run, exchange: PaperExchange, after_the_first_line: Any
) -> None:
    assert run(*LIMIT, "--yes").code == 0
    (id,) = ids(exchange)

    def cancel_during_an_outage() -> None:
        exchange.inject("lost_event", event="oc")
        with exchange.client() as bfx:
            bfx.rest.auth.cancel_order(id=id)
        exchange.drop_connections()

    after_the_first_line(cancel_during_an_outage)
    ended = run("order", "watch", str(id))
    assert ended.code == 3 and "connection lost: " in ended.err
    assert [line.split()[1] for line in ended.lines] == ["open", "closed"]


def test_a_watch_ends_with_an_interrupt(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bfxsync.cli.order_watch.OrderWatch.see", interrupt)
    assert run("order", "watch").code == 0
    assert run("order", "watch", "5").code == 1


def test_a_watch_has_new_orders_fills_and_ends() -> None:
    seen: list[tuple[str, Any]] = []
    with Client.paper() as bfx:
        events = bfx.wss.subscribe_account().events()
        furnish(bfx)
        watched = OrderWatch(bfx, set(), "tBTCUSD", lambda *one: seen.append(one))
        for event in events:
            watched.see(event)
            if [word for word, _ in seen].count("new") == 2:
                break
    words = [word for word, _ in seen]
    assert {*words} == {"filled", "closed", "new"}
    assert {data.symbol for _, data in seen} == {"tBTCUSD"}
