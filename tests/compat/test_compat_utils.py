"""The functions of ``bfxsync.compat.utils``, and rows made of models."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bfxsync.compat
from bfxsync import UsageError
from bfxsync.compat import utils
from bfxsync.compat.rows import row_of
from bfxsync.models import (
    BookUpdate,
    Candle,
    FundingBookUpdate,
    FundingRawBookUpdate,
    RawBookUpdate,
    RawRow,
)


@pytest.mark.parametrize(
    "symbol, capital, expected",
    [
        ("BTCUSD", True, "tBTCUSD"),
        ("tBTCUSD", True, "tBTCUSD"),
        ("btcusd", True, "tBTCUSD"),
        ("btcusd", False, "tbtcusd"),
        ("BTC", True, "fBTC"),
        ("fBTC", True, "fBTC"),
        ("btc", False, "fbtc"),
        ("custom_sym", True, "custom_sym"),
        ("BTCF0:USTF0", True, "BTCF0:USTF0"),
    ],
)
def test_symbols_get_their_prefix(symbol: str, capital: bool, expected: str) -> None:
    assert utils.order_symbol(symbol, capital) == expected


@pytest.mark.parametrize("arguments", [(5,), (None,), ("BTCUSD", "x")])
def test_other_arguments_of_order_symbol_raise(arguments: Any) -> None:
    with pytest.raises(UsageError):
        utils.order_symbol(*arguments)


@pytest.mark.parametrize(
    "cid, date",
    [
        (15384384000000, "2018-10-02"),
        (15384383999999, "2018-10-01"),
        (0, "1970-01-01"),
        (153925861909296, "2457-10-08"),
    ],
)
def test_a_cid_has_its_date(cid: int, date: str) -> None:
    assert utils.cid_to_date(cid) == date


@pytest.mark.parametrize("cid", [-1, "15384096000000", None, 1.5, 10**17])
def test_a_date_of_anything_else_raises(cid: Any) -> None:
    with pytest.raises(UsageError, match="cid must be"):
        utils.cid_to_date(cid)


def test_cids_of_threads_are_different_and_of_today() -> None:
    before = time.time()
    with ThreadPoolExecutor(8) as pool:
        cids = list(pool.map(lambda _: utils.create_cid(), range(2_000)))
    assert len(set(cids)) == len(cids)
    assert int(before * 10_000) <= min(cids) < 2**45
    assert max(cids) <= time.time() * 10_000 + len(cids)


def test_nonces_are_seconds_times_the_multiplier() -> None:
    assert float(utils.get_nonce(2.0)) == pytest.approx(2 * time.time(), abs=60)


def test_a_logger_has_one_handler() -> None:
    name = "bfxsync-test-of-compat"
    assert utils.get_bitfinex_logger(name) is utils.get_bitfinex_logger(name)
    logger = logging.getLogger(name)
    assert (logger.level, len(logger.handlers)) == (logging.INFO, 1)


def test_operations_have_their_codes() -> None:
    assert utils.OPERATION_CODE[utils.Operation.MULTI_CANCEL] == "oc_multi"


NUMBERS = st.floats(0.1, 1e6)
ROWS: Any = {
    BookUpdate: st.tuples(NUMBERS, st.integers(0, 9), NUMBERS),
    RawBookUpdate: st.tuples(st.integers(1, 9), NUMBERS, NUMBERS),
    FundingBookUpdate: st.tuples(NUMBERS, st.integers(2, 120), st.just(1), NUMBERS),
    FundingRawBookUpdate: st.tuples(
        st.integers(1, 9), st.integers(2, 120), NUMBERS, NUMBERS
    ),
    Candle: st.tuples(st.integers(1, 9), NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS),
}


@pytest.mark.parametrize("model", ROWS)
@given(data=st.data())
def test_a_model_becomes_its_row_again(model: Any, data: st.DataObject) -> None:
    row = list(data.draw(ROWS[model]))
    assert row_of(model.from_row(row)) == row


def test_a_raw_row_stays_as_it_is() -> None:
    row = row_of(RawRow([1, None, "x"], "te"))
    assert row == [1, None, "x"] and type(row) is list


def test_names_are_imported_on_first_use() -> None:
    for name in bfxsync.compat.__all__:
        assert getattr(bfxsync.compat, name).__name__.startswith(name[:5])
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        bfxsync.compat.Nothing  # type: ignore[attr-defined]
