"""Lists and dicts of models: plain ones in all but their tables."""

from __future__ import annotations

import pickle
from copy import copy, deepcopy

import pytest

from bfxsync import models
from bfxsync.models import Candle
from bfxsync.models.model_list import ModelDict, ModelList, model_of, reader_of

CANDLES = ModelList([Candle(i, 1.0, 2.0, 3.0, 0.5, i) for i in range(5)], Candle)


def test_list_is_a_list_in_all_else() -> None:
    plain = list(CANDLES)
    assert CANDLES == plain and plain == CANDLES and isinstance(CANDLES, list)
    assert repr(CANDLES) == repr(plain)
    for copied in (pickle.loads(pickle.dumps(CANDLES)), copy(CANDLES)):
        assert type(copied) is list and copied == plain
    assert type(deepcopy(CANDLES)) is list
    assert CANDLES[1] is plain[1] and CANDLES[-1] is plain[-1]
    with pytest.raises(IndexError):
        CANDLES[5]
    tickers = ModelDict({"tBTCUSD": 1}, models.Ticker)
    assert tickers == {"tBTCUSD": 1}
    assert type(pickle.loads(pickle.dumps(tickers))) is dict


def test_slices_and_copies_of_a_list_are_tables_too() -> None:
    for part in (CANDLES[:2], CANDLES[-2:], CANDLES[9:], CANDLES.copy()):
        assert type(part) is ModelList
        assert list(part.df().columns) == list(Candle.columns())[1:]
    assert list(CANDLES[1:3].df()["volume"]) == [1.0, 2.0]
    assert CANDLES[1:].arrow()["volume"].to_pylist() == [1.0, 2.0, 3.0, 4.0]


def test_dict_is_a_table_of_its_values() -> None:
    ticker = models.Ticker(*range(10), symbol="tBTCUSD")
    tickers = ModelDict([("tBTCUSD", ticker)], models.Ticker)
    assert list(tickers.df()["symbol"]) == ["tBTCUSD"]
    assert list(ModelDict([], models.Ticker).df().columns) == list(tickers.df().columns)


def test_readers_name_their_model() -> None:
    assert model_of(Candle.from_row) is Candle

    def read(row: object) -> object:
        return row

    assert model_of(reader_of(Candle, read)) is Candle
    with pytest.raises(AttributeError):
        model_of(lambda row: row)
