"""Lists, dicts and histories of REST as tables."""

from __future__ import annotations

import inspect
import re
from contextlib import closing
from decimal import Decimal
from typing import Any

import pytest

from bfxsync import models
from bfxsync.dataframes import dataframe
from bfxsync.models import Candle, Trade
from bfxsync.models.model_list import ModelDict, ModelList
from bfxsync.paper import PaperExchange
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.history.history_rows import HistoryRows
from bfxsync.rest.merchant import MerchantEndpoints
from bfxsync.rest.public import PublicEndpoints

from . import test_auth_endpoints as auth
from . import test_public_endpoints as public
from .tables import AnswerTransport

METHODS = [
    (face, name, str(inspect.signature(method).return_annotation))
    for face in (PublicEndpoints, AuthEndpoints, MerchantEndpoints)
    for name, method in inspect.getmembers(face, inspect.isfunction)
    if not name.startswith("_")
]
KINDS = {"ModelList": ModelList, "ModelDict": ModelDict}
NUMBERS = pytest.mark.parametrize("number", [float, Decimal])
CANDLES = ModelList([Candle(i, 1.0, 2.0, 3.0, 0.5, i) for i in range(5)], Candle)


def returned(kind: str) -> dict[Any, tuple[str, str]]:
    """Return the class and the model of each method that returns such a thing."""
    found = {}
    for face, name, annotation in METHODS:
        match = re.match(rf"({kind})\[(?:Symbol, )?(\w+)\]", annotation)
        if match is not None:
            found[face, name] = (match[1], match[2])
    return found


LISTS = returned("ModelList|ModelDict")
HISTORIES = returned("HistoryRows")


def test_every_list_and_history_of_models_can_be_a_table() -> None:
    for _, name, annotation in METHODS:
        for plain in ("list", "List", "Iterator", "dict"):
            match = re.match(rf"{plain}\[(?:Symbol, )?(\w+)\]", annotation)
            assert match is None or not hasattr(models, match[1]), name
    assert len(LISTS) > 50
    assert {name for _, name in HISTORIES} == {
        name for _, name, _ in METHODS if name.startswith("iter_")
    }


@NUMBERS
@pytest.mark.parametrize("method", LISTS, ids=lambda method: str(method[1]))
def test_lists_know_their_model_and_numbers(method: Any, number: Any) -> None:
    face, name = method
    kind, model = LISTS[method]
    tables: Any = public if face is PublicEndpoints else auth
    rows = [row for row in tables.ROWS if row["call"][0] == name]
    for row in rows:
        transport = AnswerTransport(tables.json.loads(row["answer"]))
        if tables is public:
            found = public.call(public.endpoints(transport, number), row)
        else:
            found = auth.quietly(row, transport, number)
        assert type(found) is KINDS[kind]
        frame = found.df()
        assert len(frame) == len(found)
        columns = getattr(models, model).columns(number)
        assert set(frame.columns) | {"time"} == {*columns, "time"}
        empty = KINDS[kind]([], getattr(models, model), number).df()
        assert list(empty.dtypes) == list(frame.dtypes)
    assert rows


def test_history_is_read_to_its_end() -> None:
    rows = HistoryRows(iter(CANDLES), Candle)
    assert iter(rows) is rows and next(rows) is CANDLES[0]
    assert list(rows.df()["volume"]) == [1.0, 2.0, 3.0, 4.0]
    assert len(rows.df()) == 0
    assert HistoryRows(iter(CANDLES), Candle).arrow().num_rows == 5


@NUMBERS
def test_histories_of_an_exchange_are_tables(number: Any) -> None:
    with PaperExchange() as exchange, exchange.client(numbers=number) as bfx:
        public, signed = bfx.rest.public, bfx.rest.auth
        dtype = "object" if number is Decimal else "float64"
        for fill in (False, True):
            options: Any = {"start": 1_700_000_000_000, "end": 1_700_000_600_000}
            frame = public.iter_candles("tBTCUSD", fill=fill, **options).df()
            assert list(frame.columns) == "open high low close volume".split()
            assert str(frame.index.dtype) == "datetime64[ns, UTC]"
            assert {str(kind) for kind in frame.dtypes} == {dtype}
        trades = public.get_t_trades("tBTCUSD", limit=5)
        assert list(trades.df()["id"]) == [trade.id for trade in trades]
        assert trades.df(symbol=True)["symbol"].iloc[0] == "tBTCUSD"
        assert dataframe(iter(trades)).equals(trades.df())
        assert public.get_t_tickers(["tBTCUSD"]).df()["symbol"][0] == "tBTCUSD"
        assert signed.get_wallets().df()["balance"].dtype == dtype
        assert len(signed.iter_ledgers().df()) == len(list(signed.iter_ledgers()))
        signed.iter_deposit_addresses("bitcoin").df()
        with closing(public.iter_trades("tBTCUSD")) as rows:
            assert isinstance(next(rows), Trade)
        assert list(rows) == []
