"""Where a message came from: beside what its row holds, and ignored in comparisons."""

from __future__ import annotations

import copy
import pickle
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import attrs
import pytest
from model_tables import CASES, NUMBERS, Case

from bfxsync import models
from bfxsync.errors import RemoteError
from bfxsync.models.market_model import MarketModel

MTS = 1_700_000_000_123
WITHOUT_OWN = [
    case
    for name, case in CASES.items()
    if issubclass(case.model, MarketModel) and name != "Liquidation"
]
EVERY = pytest.mark.parametrize("case", WITHOUT_OWN, ids=lambda c: c.model.__name__)


def made(case: Case, number: Any = float) -> Any:
    return case.model.reader(number, "tBTCUSD")(case.read(number), MTS)


@NUMBERS
@EVERY
def test_reader_adds_symbol_and_time(case: Case, number: Any) -> None:
    found = made(case, number)
    assert type(found) is case.model
    assert (found.symbol, found.server_mts) == ("tBTCUSD", MTS)
    sent_at = datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=timezone.utc)
    assert found.sent_at == sent_at
    assert found.to_dict() == {**case.build(case.read(number), number).to_dict()} | {
        "symbol": "tBTCUSD",
        "server_mts": MTS,
    }


@NUMBERS
@EVERY
def test_what_cannot_be_read_is_an_error_with_its_row(case: Case, number: Any) -> None:
    with pytest.raises(RemoteError) as caught:
        case.model.reader(number, "tBTCUSD")(["x"])
    assert caught.value.raw == ["x"]


@EVERY
def test_origin_is_ignored_by_comparisons(case: Case) -> None:
    found, plain = made(case), case.build(case.read())
    assert found == plain and not found != plain
    assert (plain.symbol, plain.server_mts, plain.sent_at) == (None, None, None)


@EVERY
def test_repr_has_of_the_origin_what_is_known(case: Case) -> None:
    text = repr(case.build(case.read()))
    assert "symbol" not in text and "server_mts" not in text
    assert repr(made(case)) == f"{text[:-1]}, symbol='tBTCUSD', server_mts={MTS})"
    assert eval(text, {**vars(models), "Decimal": Decimal}) == made(case)


@EVERY
def test_copies_keep_the_origin(case: Case) -> None:
    found = made(case)
    for other in (
        copy.copy(found),
        pickle.loads(pickle.dumps(found)),
        attrs.evolve(found),
        case.model(**found.to_dict()),
    ):
        assert other == found and repr(other) == repr(found)


@EVERY
def test_columns_have_the_origin_on_request(case: Case) -> None:
    plain, columns = case.model.columns(), case.model.columns(symbol=True)
    origin = {"symbol": "string"}
    if case.model is models.Candle:
        origin["timeframe"] = "string"
    assert columns == {**plain, **origin}
    # Several of them in one list differ in nothing else.
    several = (models.Ticker, models.FundingTicker, models.DerivativesStatus)
    always = (*several, models.Liquidation)
    assert ("symbol" in plain) is (case.model in always)
    assert "server_mts" not in columns and "sent_at" not in columns


def test_columns_of_candles_are_in_the_usual_order() -> None:
    values = ["open", "high", "low", "close", "volume"]
    assert list(models.Candle.columns()) == ["time", *values]
    named = models.Candle.columns(symbol=True)
    assert list(named) == ["time", "symbol", "timeframe", *values]


@NUMBERS
def test_candles_have_their_timeframe_too(number: Any) -> None:
    row = CASES["Candle"].read(number)
    for found in (
        models.Candle.reader(number, "fUSD:p30", "1h")(row),
        models.Candle.from_row(row, number, "fUSD:p30", "1h"),
    ):
        assert (found.symbol, found.timeframe) == ("fUSD:p30", "1h")
        assert found == models.Candle.from_row(row, number)
        assert repr(found).endswith(", symbol='fUSD:p30', timeframe='1h')")


@NUMBERS
def test_liquidation_has_the_symbol_of_its_row(number: Any) -> None:
    row = CASES["Liquidation"].read(number)
    found = models.Liquidation.reader(number, "global")(row, MTS)
    assert (found.symbol, found.server_mts) == (row[4], MTS)
    assert found != attrs.evolve(found, symbol="tBTCUSD")


def test_key_of_a_derivative_is_its_symbol() -> None:
    row = CASES["DerivativesStatus"].read()
    found = models.DerivativesStatus.from_rest_row(["tBTCF0:USTF0", *row])
    assert found.key == found.symbol == "tBTCF0:USTF0"


def test_user_gives_the_symbol_by_keyword() -> None:
    trade = models.Trade(1, MTS, 0.5, 100.0, symbol="tBTCUSD")
    assert trade.symbol == "tBTCUSD" and trade == models.Trade(1, MTS, 0.5, 100.0)
    assert hash(trade) == hash(models.Trade(1, MTS, 0.5, 100.0))
