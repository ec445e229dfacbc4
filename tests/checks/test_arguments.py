"""What users pass to REST, alone; what the methods do with it is in test_public_endpoints."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.checks.books import check_length, check_precision
from bfxsync.checks.candles import candle_key, check_timeframe
from bfxsync.checks.containers import check_list
from bfxsync.checks.keys import check_conf_key, check_ranking, check_statistic
from bfxsync.checks.numbers import check_integer
from bfxsync.checks.options import check_order_flags
from bfxsync.checks.symbols import (
    check_currency,
    check_funding,
    check_pair,
    check_symbols,
)
from bfxsync.checks.texts import check_choice, check_nickname
from bfxsync.checks.times import check_time, page_params
from bfxsync.errors import UsageError

MTS = 1_700_000_000_123

WEST = timezone(timedelta(hours=-1))
MOSCOW = timezone(timedelta(hours=3))


@pytest.mark.parametrize(
    "value, mts",
    [
        (None, None),
        (MTS, MTS),
        (0, 0),
        (1, 1),
        (10**9 - 1, 10**9 - 1),
        (10**11, 10**11),
        (10**14 - 1, 10**14 - 1),
        (str(MTS), MTS),
        (float(MTS), MTS),
        (MTS + 0.75, MTS),
        (datetime(1970, 1, 1, tzinfo=timezone.utc), 0),
        (datetime(2023, 11, 14, 22, 13, 20, 123_000, tzinfo=timezone.utc), MTS),
        (datetime(2023, 11, 14, 22, 13, 20, 123_999, tzinfo=timezone.utc), MTS),
        (datetime(2023, 11, 15, 1, 13, 20, 123_000, tzinfo=MOSCOW), MTS),
    ],
    ids=str,
)
def test_time_is_milliseconds(value: object, mts: int | None) -> None:
    found = check_time("start", value)
    assert found == mts
    assert type(found) is type(mts)


@given(st.datetimes(datetime(1975, 1, 1), datetime(3000, 1, 1)))
def test_time_of_a_date_is_exact(date: datetime) -> None:
    mts = check_time("start", date.replace(tzinfo=timezone.utc))
    assert mts is not None
    whole_ms = date.replace(microsecond=date.microsecond // 1000 * 1000)
    assert datetime(1970, 1, 1) + timedelta(milliseconds=mts) == whole_ms


@pytest.mark.parametrize(
    "value, message",
    [
        (datetime(2024, 1, 1), "start must have a time zone"),
        (pandas.NaT, "start must be a time, not NaT"),
        ("2024-01-01", "start must be an int of milliseconds or a datetime"),
        ("", "start must be an int of milliseconds or a datetime"),
        (f" {MTS}", "start must be an int of milliseconds or a datetime"),
        (f"-{MTS}", "start must be an int of milliseconds or a datetime"),
        ("9" * 21, "start must be an int of milliseconds or a datetime"),
        ("1700000000", "1700000000, which looks like seconds: multiply it by 1000"),
        (1.7e9, "1700000000.0, which looks like seconds"),
        (0.0, "not 0.0, which looks like seconds"),
        (-1.5, "not -1.5, which looks like seconds"),
        (1.7e15, "start must be milliseconds since 1970"),
        (float("nan"), "start must be an int of milliseconds or a datetime"),
        (float("inf"), "start must be an int of milliseconds or a datetime"),
        (False, "start must be an int of milliseconds or a datetime"),
        (1_700_000_000, "start must be milliseconds since 1970, not 1700000000, which"),
        (1_700_000_000_123_456, "start must be milliseconds since 1970"),
        (10**9, "not 1000000000, which looks like seconds"),
        (10**11 - 1, "not 99999999999, which looks like seconds"),
        (10**14, "start must be milliseconds since 1970, not 100000000000000"),
        (-1, "start must be milliseconds since 1970"),
        (datetime.max.replace(tzinfo=WEST), "start is out of range"),
        (datetime(1969, 12, 31, tzinfo=timezone.utc), "start must be milliseconds"),
    ],
    ids=str,
)
def test_time_that_is_none_is_refused(value: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_time("start", value)


def test_page_has_what_was_given() -> None:
    assert page_params() == {"start": None, "end": None, "limit": None, "sort": None}
    assert page_params(start=5, end=5, limit=7, sort=1, maximum=7) == {
        "start": 5,
        "end": 5,
        "limit": 7,
        "sort": 1,
    }


@pytest.mark.parametrize(
    "given_ones, message",
    [
        ({"start": 6, "end": 5}, r"start \(6\) must not be after end \(5\)"),
        ({"limit": 8}, "limit must be an integer from 1 to 7, not 8"),
        ({"limit": 0}, "limit must be an integer from 1 to 7, not 0"),
        ({"limit": "5"}, "limit must be an integer from 1 to 7, not '5'"),
        ({"sort": 0}, r"sort must be 1 \(oldest first\) or -1 \(newest first\), not 0"),
        ({"sort": True}, "sort must be 1 .* not True"),
        ({"end": 1_700_000_000}, "end must be milliseconds since 1970"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_impossible_page_is_refused(given_ones: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        page_params(maximum=7, **given_ones)


def test_symbols_are_of_their_kind() -> None:
    assert check_pair("tBTCF0:USTF0") == "tBTCF0:USTF0"
    assert check_funding("fUST") == "fUST"
    with pytest.raises(UsageError, match="that of a pair .*'fUSD'"):
        check_pair("fUSD")
    with pytest.raises(UsageError, match="that of a funding currency .*'tBTCUSD'"):
        check_funding("tBTCUSD")
    with pytest.raises(UsageError, match="did you mean 'tBTCUSD'"):
        check_pair("BTC-USD")


@pytest.mark.parametrize("symbols", ["ALL", ["ALL"]], ids=str)
def test_all_symbols_have_a_word(symbols: object) -> None:
    assert check_symbols("symbols", symbols) == "ALL"


@pytest.mark.parametrize(
    "make",
    [list, tuple, dict.fromkeys, iter],
    ids=["list", "tuple", "dict", "iterator"],
)
def test_symbols_come_in_anything_iterable(make: Any) -> None:
    symbols = make(["tBTCUSD", "fUSD"])
    assert check_symbols("symbols", symbols) == "tBTCUSD,fUSD"


def test_item_given_twice_counts_once() -> None:
    assert check_list("x", ["a", "b", "a"], str) == ["a", "b"]


@pytest.mark.parametrize(
    "values, message",
    [
        ("tBTCUSD", "keys must be a list of texts, not 'tBTCUSD'"),
        (5, "keys must be a list of texts, not 5"),
        ([], "keys must not be empty"),
    ],
    ids=str,
)
def test_impossible_list_is_refused(values: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_list("keys", values, str)


def test_choice_names_what_there_is() -> None:
    assert check_choice("colour", "red", ("red", "blue")) == "red"
    with pytest.raises(UsageError, match="colour must be one of red, blue, not 'pink'"):
        check_choice("colour", "pink", ("red", "blue"))
    with pytest.raises(UsageError, match=r"not \['red'\]"):
        check_choice("colour", ["red"], ("red", "blue"))


def test_integer_is_one_of_its_range() -> None:
    assert check_integer("period", 2, range(2, 121)) == 2
    assert check_integer("period", 120, range(2, 121)) == 120
    for bad in (1, 121, 2.0, "2", True, None):
        with pytest.raises(UsageError, match="period must be an integer from 2 to 120"):
            check_integer("period", bad, range(2, 121))


def test_integers_may_be_of_another_kind() -> None:
    class Whole:
        def __init__(self, value: int) -> None:
            self.value = value

        def __index__(self) -> int:
            return self.value

    assert check_integer("period", Whole(2), range(2, 121)) == 2
    assert check_time("start", Whole(MTS)) == MTS
    assert check_order_flags("flags", Whole(64)) == 64
    with pytest.raises(UsageError, match="^period must be an integer from 2 to 120"):
        check_integer("period", Whole(1), range(2, 121))
    with pytest.raises(UsageError, match="^start must be milliseconds since 1970"):
        check_time("start", Whole(MTS // 1000))


def test_currency_has_no_prefix() -> None:
    assert check_currency("ccy1", "UST") == "UST"
    with pytest.raises(UsageError, match="ccy1 must be a currency in capitals"):
        check_currency("ccy1", "fUSD")


# --- keys of paths ----------------------------------------------------------------------------


def test_week_has_two_names_and_one_is_sent() -> None:
    assert check_timeframe("tf", "1W") == check_timeframe("tf", "7D") == "7D"


@pytest.mark.parametrize(
    "symbol, key",
    [
        ("tBTCUSD", "trade:1h:tBTCUSD"),
        ("tDOGE:USD", "trade:1h:tDOGE:USD"),
        ("fUSD:p2", "trade:1h:fUSD:p2"),
        ("fUSD:p120", "trade:1h:fUSD:p120"),
        ("fUSD:a30:p2:p30", "trade:1h:fUSD:a30:p2:p30"),
        ("fUSD:a10:p2:p2", "trade:1h:fUSD:a10:p2:p2"),
    ],
)
def test_key_of_candles(symbol: str, key: str) -> None:
    assert candle_key(symbol, "1h", "tf") == key


@pytest.mark.parametrize(
    "symbol, message",
    [
        ("fUSD", "with its period, as 'fUSD:p30'"),
        ("fUSD:p1", "period must be an integer from 2 to 120, not 1"),
        ("fUSD:p121", "period must be an integer from 2 to 120, not 121"),
        ("fUSD:a30:p1:p30", "period must be an integer from 2 to 120, not 1"),
        ("fUSD:a30:p31:p30", "first period must not be above the last"),
        ("fUSD:p٣", "with its period"),
        ("tBTCUSD:p30", "symbol must be 't' and a pair"),
    ],
)
def test_impossible_candles_are_refused(symbol: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        candle_key(symbol, "1h", "tf")


@pytest.mark.parametrize(
    "resource, message",
    [
        ("vol.1d", "resource must be a key such as 'pos.size:1m:tBTCUSD:long'"),
        ("vol:1d:BFX", "key of resource must be one of pos.size, funding.size"),
        ("vwap:1m:tBTCUSD", "size of 'vwap' must be one of 1d, not '1m'"),
        ("pos.size:1m:tBTCUSD", "side of 'pos.size' must be one of long, short"),
        ("vol.7d:30m:tBTCUSD", "symbol of 'vol.7d' must be one of BFX"),
        ("credits.size:1m:fUSD:tBTCUSD", "takes a funding currency only"),
        ("credits.size.sym:1m:fUSD", "symbol must be"),
    ],
)
def test_impossible_statistic_says_why(resource: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_statistic(resource)


@pytest.mark.parametrize(
    "resource, message",
    [
        ("vol:3h", "resource must be a key such as 'vol:3h:tBTCUSD'"),
        ("profit:3h:tBTCUSD", "key of resource must be one of plu_diff, plu"),
        ("plr:3h:tGLOBAL:USD", "timeframe of 'plr' must be one of 1w, 1M, not '3h'"),
        ("vol:3h:fUSD", "symbol must be that of a pair"),
    ],
)
def test_impossible_ranking_says_why(resource: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_ranking(resource)


def test_several_configurations_are_no_key() -> None:
    assert check_conf_key("pub:map:currency:tx:fee") == "pub:map:currency:tx:fee"
    with pytest.raises(UsageError, match="config must be one key"):
        check_conf_key("pub:fees,pub:list:currency")


@pytest.mark.parametrize("nickname", ["a/../b", "..", "a b", "a%2Fb", "a?b", ""])
def test_nickname_cannot_leave_its_place_in_the_path(nickname: str) -> None:
    with pytest.raises(UsageError, match="nickname must consist of letters, digits"):
        check_nickname(nickname)


def test_raw_book_has_a_method_of_its_own() -> None:
    assert check_precision("P4", "get_t_raw_book") == "P4"
    with pytest.raises(UsageError, match="must not be R0; use get_t_raw_book"):
        check_precision("R0", "get_t_raw_book")


def test_length_may_be_text() -> None:
    assert check_length(25) == check_length("25") == "25"
    with pytest.raises(UsageError, match="len must be one of 1, 25, 100, not '250'"):
        check_length(250)
