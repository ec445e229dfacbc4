"""The records of a year as one table, against an account of the local exchange."""

from __future__ import annotations

import csv
import io
import logging
import sys
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, DefaultDict, Iterator

import pandas
import pytest

from bfxsync import Client, UsageError
from bfxsync.exports import COLUMNS, ExportRow, LedgerExport, _begin_of, ledger_export
from bfxsync.paper import PaperExchange

MANY = 2_600
"""More than a page of the ledger has."""


@pytest.fixture(scope="module")
def exchange() -> Iterator[PaperExchange]:
    with PaperExchange(rate=0.001) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def bfx(exchange: PaperExchange) -> Iterator[Client]:
    """A client whose account has traded, moved, deposited and withdrawn money."""
    with exchange.client() as bfx:
        auth = bfx.rest.auth
        for amount in ("0.12345678", "-0.02345678", "0.3"):
            auth.submit_order("EXCHANGE MARKET", "tBTCUSD", amount).raise_for_status()
        auth.submit_order("EXCHANGE LIMIT", "tETHUSD", "0.5", "500")
        auth.transfer_between_wallets("exchange", "funding", "USD", None, "0.00000001")
        exchange.account.deposit("exchange", "UST", "12.3")
        auth.submit_wallet_withdrawal(
            "exchange", "bitcoin", "paper-address", "0.1", note="rent, May"
        ).raise_for_status()
        yield bfx


@pytest.fixture(scope="module")
def export(bfx: Client) -> LedgerExport:
    return ledger_export(bfx, this_year())


def this_year() -> int:
    return datetime.now(timezone.utc).year


def rows_of(export: LedgerExport, kind: str) -> list[ExportRow]:
    return [row for row in export if row.kind == kind]


def test_ledger_of_each_wallet_adds_up_to_its_balance(
    bfx: Client, export: LedgerExport
) -> None:
    balances: DefaultDict[Any, Decimal] = defaultdict(Decimal)
    for row in rows_of(export, "ledger"):
        balances[row.wallet, row.currency] += row.amount
        assert row.balance == balances[row.wallet, row.currency]
    wallets = bfx.rest.auth.get_wallets()
    assert {(w.wallet_type, w.currency): Decimal(str(w.balance)) for w in wallets} == {
        **balances
    }


def test_trades_and_movements_explain_the_whole_ledger(export: LedgerExport) -> None:
    ledger: DefaultDict[str, Decimal] = defaultdict(Decimal)
    causes: DefaultDict[str, Decimal] = defaultdict(Decimal)
    for row in export:
        if row.kind == "ledger":
            ledger[row.currency] += row.amount
            continue
        causes[row.currency] += row.amount
        if row.price is not None:
            causes["USD"] -= row.amount * row.price
        if row.fee is not None and row.fee_currency is not None:
            causes[row.fee_currency] += row.fee
    assert len(rows_of(export, "trade")) >= 3
    assert {code: round(causes[code], 8) for code in causes} == ledger


def test_rows_have_what_their_kind_has(export: LedgerExport) -> None:
    (withdrawal,) = [row for row in rows_of(export, "movement") if row.amount < 0]
    assert (withdrawal.currency, withdrawal.amount) == ("BTC", Decimal("-0.1"))
    assert withdrawal.fee is not None and withdrawal.fee < 0
    assert (withdrawal.fee_currency, withdrawal.status) == ("BTC", "COMPLETED")
    assert (withdrawal.method, withdrawal.address) == ("BITCOIN", "paper-address")
    assert withdrawal.description == "rent, May"
    first = rows_of(export, "trade")[0]
    assert (first.symbol, first.currency) == ("tBTCUSD", "BTC")
    assert first.amount > 0 and first.fee is not None and first.fee < 0
    assert first.fee_currency == "BTC" and first.order_id
    assert all(row.time.utcoffset() == timedelta(0) for row in export)
    keys = [(row.time, row.kind, row.id) for row in export]
    assert keys == sorted(keys) and len(set(keys)) == len(keys)
    assert repr(export) == (
        f"LedgerExport(year={this_year()}, rows=<{len(export)} rows>)"
    )


def test_decimal_clients_get_the_same_rows(
    exchange: PaperExchange, export: LedgerExport
) -> None:
    with exchange.client(numbers=Decimal) as bfx:
        assert ledger_export(bfx, this_year()) == export


def test_csv_has_every_digit_and_no_exponent(
    export: LedgerExport, tmp_path: Any
) -> None:
    path, text = tmp_path / "year.csv", io.StringIO()
    path.write_text("an old file\n" * 10_000)
    export.write_csv(path)
    export.write_csv(text)
    assert path.read_bytes().decode() == text.getvalue()
    table = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert tuple(table[0]) == COLUMNS and len(table) == len(export)
    assert "0.00000001" in {cells["amount"] for cells in table}
    for cells, row in zip(table, export):
        assert Decimal(cells["amount"]) == row.amount
        assert not any("E" in cells[name] for name in ("amount", "balance", "fee"))
        assert cells["balance"] == ("" if row.balance is None else f"{row.balance:f}")
        assert cells["time"].endswith("Z")
        moment = datetime.strptime(cells["time"], "%Y-%m-%dT%H:%M:%S.%f%z")
        assert moment == row.time


@pytest.mark.parametrize("bad", [None, 5, b"year.csv", object], ids=repr)
def test_csv_is_written_to_files_only(export: LedgerExport, bad: Any) -> None:
    with pytest.raises(UsageError, match="file must be a path or a text file"):
        export.write_csv(bad)


@pytest.mark.parametrize("is_empty", [False, True])
def test_dataframe_keeps_decimals_and_times(
    export: LedgerExport, is_empty: bool
) -> None:
    frame = LedgerExport(2026, () if is_empty else export.rows).to_pandas()
    assert tuple(frame.columns) == COLUMNS
    assert len(frame) == (0 if is_empty else len(export))
    assert str(frame["time"].dtype) == "datetime64[ns, UTC]"
    assert (str(frame["id"].dtype), str(frame["order_id"].dtype)) == ("int64", "Int64")
    assert frame["amount"].dtype == object
    assert str(frame["symbol"].dtype).startswith("str")
    for values, row in zip(frame.itertuples(), export):
        assert values.amount == row.amount and type(values.amount) is Decimal
        assert values.time == pandas.Timestamp(row.time)


def test_dataframe_needs_pandas(
    export: LedgerExport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match=r'"bfxsync\[pandas\]"'):
        export.to_pandas()


def test_years_of_more_than_a_page_are_complete() -> None:
    with PaperExchange(rate=0.001) as exchange, exchange.client() as bfx:
        before = len(ledger_export(bfx, this_year()))
        for _ in range(MANY):
            exchange.account.deposit("funding", "USD", "0.1")
        requests = exchange.rest_requests
        export = ledger_export(bfx, this_year())
        assert exchange.rest_requests - requests > 3
    assert len(export) == before + 2 * MANY
    dollars = [
        row
        for row in rows_of(export, "ledger")
        if (row.wallet, row.currency) == ("funding", "USD")
    ]
    assert [row.balance for row in dollars] == [
        50_000 + n * Decimal("0.1") for n in range(MANY + 1)
    ]


@pytest.mark.parametrize(
    "bad", [0, -1, 1999, 12026, 2026.0, "2026", None, True, float("nan"), [2026]]
)
def test_impossible_years_are_refused_unsent(
    exchange: PaperExchange, bfx: Client, bad: Any
) -> None:
    before = exchange.rest_requests
    with pytest.raises(UsageError, match="year must be from"):
        ledger_export(bfx, bad)
    assert exchange.rest_requests == before


@pytest.mark.parametrize("bad", [None, "key", object], ids=repr)
def test_something_else_than_a_client_is_refused(bad: Any) -> None:
    with pytest.raises(UsageError, match="client must be a Client"):
        ledger_export(bad, this_year())


def test_client_without_a_key_is_refused() -> None:
    with Client() as bfx, pytest.raises(UsageError, match="key"):
        ledger_export(bfx, this_year())


def test_years_without_records_are_empty(bfx: Client) -> None:
    assert len(ledger_export(bfx, this_year() - 1)) == 0


NOW = datetime(2026, 11, 29, tzinfo=timezone.utc)


@pytest.mark.parametrize("year", [2021, 2025, 2026])
def test_years_begin_in_utc(year: int, caplog: pytest.LogCaptureFixture) -> None:
    assert _begin_of(year, NOW) == datetime(year, 1, 1, tzinfo=timezone.utc)
    assert caplog.records == []


def test_years_that_are_partly_gone_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert _begin_of(2020, NOW).year == 2020
    assert caplog.record_tuples == [
        (
            "bfxsync.exports",
            logging.WARNING,
            "ledger entries of 2020 before 2020-11-28 may be missing: the exchange keeps them "
            "for 6 years",
        )
    ]


@pytest.mark.parametrize("year", [2019, 2027])
def test_years_out_of_range_name_the_range(year: int) -> None:
    with pytest.raises(UsageError, match=f"from 2020 to 2026, not {year}"):
        _begin_of(year, NOW)
