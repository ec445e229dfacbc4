"""Tables of the account, for people and for programs."""

from __future__ import annotations

import csv
import io
import re
from decimal import Decimal
from typing import Any, Iterator, NamedTuple

import pytest

from bfxsync.cli.account import LEDGERS, ORDERS, POSITIONS, WALLETS
from bfxsync.cli.main import main
from bfxsync.cli.play_account import furnish
from bfxsync.cli.tables import Column, digits, fitting, number, plain_lines, text
from bfxsync.paper import PaperExchange

from .conftest import Run

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange() as running:
        with running.client() as bfx:
            # Only those of `paper` are furnished.
            furnish(bfx)
            bfx.exchange = running
            furnish(bfx)
            bfx.exchange = None
        yield running


def test_wallets_have_columns_of_whole_numbers(run: Run) -> None:
    ended = run("wallets")
    assert ended.code == 0 and ended.err == ""
    assert ended.lines[0].split() == [
        *("wallet", "currency", "balance", "available", "last", "change")
    ]
    assert any(line.startswith("exchange  USD ") for line in ended.lines)
    assert len(run("wallets", "USD").lines) == 4


def test_wallets_have_values_and_a_total(run: Run) -> None:
    ended = run("wallets", "--value", "usd")
    assert ended.code == 0 and ended.lines[0].split()[4:] == ["value", "by"]
    assert re.fullmatch(
        r"total [\d,]+\.\d\d USD as of [\d:]{8} UTC, without EUR, TESTBTC, TESTUSD",
        ended.lines[-1],
    )
    found = run("wallets", "BTC", "--value", "BTC", "--json").objects
    assert [row["value"] for row in found] == [row["balance"] for row in found]
    assert run("wallets", "--value", "NOPE").code == 2


def test_an_order_is_found_by_its_client_id(run: Run, exchange: PaperExchange) -> None:
    account = exchange.account
    for order in (account.orders[0], account.closed_orders[0]):
        (found,) = run("orders", "--cid", str(order["cid"]), "--json").objects
        assert found["id"] == order["id"]
    none = run("orders", "--cid", "5")
    assert none.out == "" and none.err.startswith("no order with cid 5")


def test_orders_are_the_open_ones_or_the_closed_ones(run: Run) -> None:
    ended = run("orders")
    assert len(ended.lines) == 4
    assert ended.lines[0].split()[:4] == ["id", "symbol", "type", "amount"]
    assert "post-only" in ended.out
    assert len(run("orders", "tETHUSD").lines) == 2
    closed = run("orders", "--history", "--count", "2")
    assert len(closed.lines) == 3 and "EXECUTED" in closed.out
    assert len(run("orders", "--history", "--since", "2026-01-01").lines) == 5


def test_positions_and_ledgers_have_their_tables(run: Run) -> None:
    positions = run("positions")
    assert [line.split()[0] for line in positions.lines] == [
        *("symbol", "tBTCUSD", "tBTCF0:USTF0")
    ]
    ledgers = run("ledgers", "BTC", "--count", "1")
    assert len(ledgers.lines) == 2 and "Exchange" in ledgers.lines[1]


@pytest.mark.parametrize("command", ["wallets", "orders", "positions", "ledgers"])
def test_json_and_csv_have_all_fields(command: str, run: Run) -> None:
    objects = run(command, "--json").objects
    rows = list(csv.DictReader(io.StringIO(run(command, "--csv").out)))
    assert len(objects) == len(rows) > 1
    for found, row in zip(objects, rows):
        assert list(found) == list(row)
        assert {name: value is None for name, value in found.items()} == {
            name: value == "" for name, value in row.items()
        }


def test_nothing_is_told_beside_the_table(run: Run) -> None:
    ended = run("orders", "tLTCBTC")
    assert ended == (0, "", "no open orders\n")
    assert run("orders", "tLTCBTC", "--json") == (0, "", "")
    assert run("orders", "tLTCBTC", "--csv").out.startswith("id,gid,cid,symbol,")


def test_a_wrong_secret_is_one_line(
    run: Run, exchange: PaperExchange, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange.account, "api_secret", "paper-other")
    ended = run("wallets")
    assert ended.code == 3 and ended.out == ""
    assert "paper-other" not in ended.err
    assert "bfxsync doctor" in ended.err and ended.err.count("\n") == 1


def test_a_missing_key_says_where_it_may_be(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("BFX_API_KEY", raising=False)
    monkeypatch.delenv("BFX_API_SECRET", raising=False)
    assert main(["wallets"]) == 2
    error = capsys.readouterr().err
    assert "BFX_API_KEY" in error and "--paper" in error and error.count("\n") == 1


def test_contradicting_outputs_are_refused(run: Run) -> None:
    assert run("wallets", "--json", "--csv").code == 2


def test_play_money_has_something_to_show(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["orders", "--paper"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4


class Row(NamedTuple):
    name: str
    amount: Any
    note: Any = None


COLUMNS = (text("name", "name"), number("amount", "amount", 1), text("note", "note", 2))


def test_columns_are_aligned_and_empty_ones_left_out() -> None:
    rows = [Row("a", Decimal("-1234.50")), Row("long", None)]
    assert plain_lines(rows, COLUMNS) == [
        "name    amount",
        "a     -1,234.5",
        "long         -",
    ]


@pytest.mark.parametrize(
    ("width", "names"),
    [(None, "name amount note"), (22, "name amount note"), (21, "name amount")]
    + [(13, "name amount"), (12, "name"), (1, "name")],
)
def test_narrow_terminals_lose_whole_columns(width: int | None, names: str) -> None:
    rows = [Row("four", Decimal("123456"), "six six")]
    shown = fitting(rows, COLUMNS, width)
    assert [column.title for column in shown] == names.split()


def test_texts_of_others_cannot_control_the_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    row = Row("a\x1b[2Jb\nc", Decimal(1), "caf\xe9")
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), "utf-8"))
    assert plain_lines([row], COLUMNS)[1] == "a\\x1b[2Jb\\nc       1  caf\xe9"
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), "ascii"))
    assert plain_lines([row], COLUMNS)[1].endswith("  caf\\xe9")


def test_sentences_are_shortened_before_they_are_left_out() -> None:
    columns = (number("amount", "amount"), text("note", "note", 1, is_sentence=True))
    rows = [Row("four", Decimal("123456"), "a sentence of many words")]
    assert plain_lines(rows, fitting(rows, columns, 30))[1] == (
        "123,456  a sentence of many..."
    )
    assert len(fitting(rows, columns, 28)) == 1


@pytest.mark.parametrize("columns", [WALLETS, ORDERS, POSITIONS, LEDGERS])
def test_each_table_can_lose_columns(columns: tuple[Column, ...]) -> None:
    ranks = [column.rank for column in columns]
    assert 0 in ranks and max(ranks) > 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        (0.1, "0.1"),
        (1e-8, "0.00000001"),
        (Decimal("64250.00"), "64,250"),
        (123456789.12345678, "123,456,789.12345678"),
        (100, "100"),
    ],
)
def test_numbers_keep_all_digits(value: Any, expected: str) -> None:
    assert digits(value) == expected
