"""Values of other libraries and of the user's own classes, as arguments of every method."""

from __future__ import annotations

import enum
import json
import warnings
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, Callable

import numpy
import pandas
import pytest

from bfxsync import Client
from bfxsync._base.numbers import plain_decimal, round_amount, round_price
from bfxsync.book.snapshots import BookSnapshot
from bfxsync.checks.numbers import check_amount, check_count
from bfxsync.checks.options import check_bool, check_switch
from bfxsync.checks.symbols import check_symbols
from bfxsync.checks.times import (
    check_cid_date,
    check_seconds,
    check_tif,
    check_time,
    page_params,
)
from bfxsync.errors import RemoteError, UsageError
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.client import RestClient
from bfxsync.rest.http.request import request_of
from bfxsync.rest.merchant import MerchantEndpoints
from bfxsync.rest.public import PublicEndpoints
from bfxsync.wire.channels import channel_for

from .tables import AnswerTransport, arguments_of, rows_of

FACES: dict[str, Any] = {
    "public": PublicEndpoints,
    "auth": AuthEndpoints,
    "merchant": MerchantEndpoints,
}
FILES = [
    "requests.jsonl",
    *(f"auth-requests-{g}.jsonl" for g in ("account", "balances")),
]
FILES += [f"auth-requests-{group}.jsonl" for group in ("funding", "orders")]
ROWS = {
    (row.get("on", "public"), row["call"][0]): row
    for name in FILES
    for row in rows_of(name)
}

MTS = 1_700_000_000_123


def sent(row: dict[str, Any], change: Callable[[Any], Any]) -> Any:
    """Return the very request of a row's call, with changed arguments."""
    arguments, options = arguments_of(row)
    transport: Any = AnswerTransport()
    face = FACES[row.get("on", "public")](transport)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            getattr(face, row["call"][0])(*change(arguments), **change(options))
        except (RemoteError, TypeError, AttributeError, LookupError):
            pass  # what was asked matters, not the answer, which is null
        except Exception as error:
            if not transport.requests:
                raise
            assert not isinstance(error, UsageError)
    assert transport.requests
    method, path, given = transport.requests[0]
    body = dict(given.get("body") or {})
    # Those that nobody has given are random.
    if "cid" not in json.dumps(row["request"]["body"] or {}):
        body.pop("cid", None)
    return request_of("https://x", method, path, given.get("params"), body or None)


def each(change: Callable[[Any], Any], value: Any) -> Any:
    """Change what is in a list or a dict, but not the keys."""
    if isinstance(value, dict):
        return {name: each(change, item) for name, item in value.items()}
    if isinstance(value, list):
        return [each(change, item) for item in value]
    return change(value)


def as_enum(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    (member,) = enum.Enum("Text", {"A": value}, type=str)  # type: ignore[misc,var-annotated]
    return member


def as_numpy(value: Any) -> Any:
    if isinstance(value, bool):
        return numpy.bool_(value)
    if isinstance(value, int):
        return numpy.int64(value)
    if isinstance(value, float):
        return numpy.float64(value)
    return numpy.str_(value) if isinstance(value, str) else value


def as_timestamp(value: Any) -> Any:
    return pandas.Timestamp(value) if isinstance(value, datetime) else value


@pytest.mark.parametrize("row", ROWS.values(), ids=["-".join(key) for key in ROWS])
@pytest.mark.parametrize("change", [as_enum, as_numpy, as_timestamp])
def test_same_request_is_sent_for_values_of_other_classes(
    row: dict[str, Any], change: Callable[[Any], Any]
) -> None:
    plain = sent(row, lambda value: value)
    assert sent(row, lambda value: each(change, value)) == plain


# What a table has where there is no time, a list of symbols, an array, and what compares with
# anything piece by piece, so that its truth is no question.
NO_ARGUMENTS: dict[str, Any] = {
    "NaT": pandas.NaT,
    "NA": pandas.NA,
    "nan": float("nan"),
    "series": pandas.Series(["tBTCUSD", "tETHUSD"]),
    "array": numpy.array([1.5, 2.5]),
    "integers": numpy.array([1, 2]),
    "scalar": numpy.array(5),
    "frame": pandas.DataFrame({"a": [1, 2]}),
    "naive": pandas.Timestamp("2024-01-01"),
    "datetime64": numpy.datetime64("2024-01-01"),
    "timedelta": pandas.Timedelta(seconds=5),
    "complex": numpy.complex128(1),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=["-".join(key) for key in ROWS])
@pytest.mark.parametrize("kind", ["NaT", "NA", "series", "array", "scalar"])
def test_what_cannot_be_taken_is_a_usage_error(row: dict[str, Any], kind: str) -> None:
    bad = NO_ARGUMENTS[kind]
    arguments, options = arguments_of(row)
    calls = [
        (arguments[:place] + [bad] + arguments[place + 1 :], options)
        for place in range(len(arguments))
    ]
    calls += [(arguments, {**options, name: bad}) for name in options]
    for given, named in calls:
        transport: Any = AnswerTransport()
        method = getattr(FACES[row.get("on", "public")](transport), row["call"][0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                method(*given, **named)
            except UsageError:
                assert transport.requests == []
            except Exception:
                # It could be taken: a Series of symbols is a list of them.
                assert transport.requests


@pytest.mark.parametrize("name", ["start", "end"])
@pytest.mark.parametrize("bad", [pandas.NaT, numpy.datetime64("NaT", "ns")], ids=str)
def test_missing_time_is_named(name: str, bad: Any) -> None:
    with pytest.raises(UsageError, match=f"^{name} must be"):
        page_params(**{name: bad})
    with pytest.raises(UsageError, match="^cid_date must be"):
        check_cid_date("cid_date", bad)
    with pytest.raises(UsageError, match="^tif must be"):
        check_tif("tif", bad)


@pytest.mark.parametrize(
    "value",
    [
        numpy.int64(MTS),
        numpy.float64(MTS + 0.5),
        pandas.Timestamp(MTS, unit="ms", tz="UTC"),
        pandas.Timestamp(MTS, unit="ms", tz="Europe/Berlin"),
        # Nanoseconds are cut, without a warning.
        pandas.Timestamp(MTS * 10**6 + 999_999, unit="ns", tz="UTC"),
    ],
    ids=repr,
)
def test_times_of_other_libraries_are_milliseconds(value: Any) -> None:
    found = check_time("start", value)
    assert (found, type(found)) == (MTS, int)


@pytest.mark.parametrize("value", [numpy.float32(1.7e12), numpy.float64(1.7e9)])
def test_time_that_is_too_coarse_or_in_seconds_is_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="^start must be .*milliseconds"):
        check_time("start", value)


def test_days_and_ends_of_pandas_are_those_of_python() -> None:
    moment = pandas.Timestamp("2026-01-31T23:59:59.000000001", tz="UTC")
    assert check_cid_date("cid_date", moment) == "2026-01-31"
    assert check_tif("tif", moment) == "2026-01-31 23:59:59"
    east = pandas.Timestamp("2026-02-01T00:30:00", tz="Europe/Berlin")
    assert check_cid_date("cid_date", east) == "2026-01-31"


@pytest.mark.parametrize(
    "symbols",
    [
        pandas.Series(["tBTCUSD", "tETHUSD"]),
        pandas.Index(["tBTCUSD", "tETHUSD"]),
        numpy.array(["tBTCUSD", "tETHUSD"]),
        pandas.array(["tBTCUSD", "tETHUSD"]),
        {"tBTCUSD": 1, "tETHUSD": 2}.keys(),
        (symbol for symbol in ("tBTCUSD", "tETHUSD")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_columns_of_symbols_are_lists(symbols: Any) -> None:
    found = check_symbols("symbols", symbols)
    assert (found, type(found)) == ("tBTCUSD,tETHUSD", str)


def test_all_symbols_may_stand_in_an_array() -> None:
    assert check_symbols("symbols", numpy.array(["ALL"])) == "ALL"
    with pytest.raises(UsageError):
        check_symbols("symbols", pandas.Series(["tBTCUSD", None]))
    with pytest.raises(UsageError):
        check_symbols("symbols", pandas.Series([], dtype=object))


@pytest.mark.parametrize(
    "value, text",
    [
        (numpy.float32(0.1), "0.1"),
        (numpy.float32(1e-7), "0.0000001"),
        (numpy.float16(0.5), "0.5"),
        (numpy.float64(0.1), "0.1"),
        (numpy.int64(-5), "-5"),
        (numpy.uint8(5), "5"),
        (numpy.array(5), "5"),
        (numpy.str_("0.10"), "0.10"),
    ],
    ids=repr,
)
def test_numbers_of_numpy_are_sent_by_their_shortest_text(
    value: Any, text: str
) -> None:
    assert plain_decimal(value) == text
    assert check_amount("amount", value) == text
    assert round_price(value) == round_price(text)
    assert round_amount(value) == round_amount(text)


@pytest.mark.parametrize(
    "value",
    [
        numpy.float32("nan"),
        numpy.float32("inf"),
        numpy.bool_(True),
        numpy.array([0.5]),
        numpy.array(0.5),
        pandas.NA,
        pandas.NaT,
        pandas.Series([1.5]),
        Decimal("sNaN"),
    ],
    ids=repr,
)
def test_what_is_no_number_is_a_usage_error(value: Any) -> None:
    with pytest.raises(UsageError, match="^amount must be"):
        plain_decimal(value, "amount")


def test_switches_of_numpy_are_switches() -> None:
    for value in (True, numpy.bool_(True), 1, numpy.int64(1)):
        found = check_switch("hidden", value)
        assert (found, type(found)) == (1, int)
    for bad in (numpy.array([True]), pandas.NA, numpy.float64(1), "1", 2):
        with pytest.raises(UsageError, match="^hidden must be True or False"):
            check_switch("hidden", bad)


class Word(str, enum.Enum):
    TICKER = "ticker"
    BOOK = "book"
    CANDLES = "candles"
    STATUS = "status"
    PAIR = "tBTCUSD"
    KEY = "trade:1W:fUSD:p30"
    DERIVATIVE = "deriv:tBTCF0:USTF0"
    LIQUIDATIONS = "liq:global"
    P1 = "P1"
    F1 = "F1"
    LEN = "100"


@pytest.mark.parametrize(
    "channel, options, wanted",
    [
        (Word.TICKER, {"symbol": Word.PAIR}, {"symbol": "tBTCUSD"}),
        (
            Word.BOOK,
            {"symbol": Word.PAIR, "prec": Word.P1, "freq": Word.F1, "len": Word.LEN},
            {"symbol": "tBTCUSD", "prec": "P1", "freq": "F1", "len": "100"},
        ),
        (
            Word.BOOK,
            {"symbol": Word.PAIR, "len": numpy.int64(25)},
            {"symbol": "tBTCUSD", "prec": "P0", "freq": "F0", "len": "25"},
        ),
        (Word.CANDLES, {"key": Word.KEY}, {"key": "trade:7D:fUSD:p30"}),
        (Word.STATUS, {"key": Word.DERIVATIVE}, {"key": "deriv:tBTCF0:USTF0"}),
        (Word.STATUS, {"key": Word.LIQUIDATIONS}, {"key": "liq:global"}),
    ],
)
def test_channels_are_asked_for_by_the_value_of_an_enum(
    channel: Any, options: dict[str, Any], wanted: dict[str, str]
) -> None:
    found = channel_for(channel, **options).arguments
    assert found == wanted
    assert {type(value) for value in found.values()} == {str}


@pytest.mark.parametrize("bad", NO_ARGUMENTS.values(), ids=list(NO_ARGUMENTS))
@pytest.mark.parametrize("name", ["symbol", "prec", "freq", "len"])
def test_channel_takes_no_tables(name: str, bad: Any) -> None:
    with pytest.raises(UsageError):
        channel_for("book", **{"symbol": "tBTCUSD", name: bad})
    for channel in ("candles", "status"):
        with pytest.raises(UsageError):
            channel_for(channel, key=bad)
    with pytest.raises(UsageError):
        channel_for(bad, symbol="tBTCUSD")


def test_levels_are_counted_by_integers_of_numpy() -> None:
    snapshot = BookSnapshot("tBTCUSD", "P0", (1, 2), (3, 4), True, None)
    assert snapshot.levels(numpy.int64(1)) == ((1,), (3,))
    for bad in (True, numpy.bool_(True), 1.0, numpy.array([1, 2]), -1):
        with pytest.raises(UsageError):
            snapshot.levels(bad)


def test_time_at_the_end_of_all_days_is_out_of_range() -> None:
    last = datetime.max.replace(tzinfo=timezone.utc)
    with pytest.raises(UsageError, match="^tif is out of range"):
        check_tif("tif", last)


OPTIONS = """
    on_limit strict max_wait_s allow_insecure absence_s rest_timeout numbers timeout flags backoff
    channels_per_connection ping_after stale_after dispatch_threads pace mailbox_size record
    record_append on_error proxy ca_bundle wss_host rest_host nonce_file affiliate_code
"""


@pytest.mark.parametrize("name", OPTIONS.split())
@pytest.mark.parametrize("kind", ["NaT", "NA", "nan", "series", "array", "frame"])
def test_options_of_a_client_are_checked_at_its_line(name: str, kind: str) -> None:
    with pytest.raises(UsageError, match=f"{name}|host must"):
        Client("key", "secret", **{name: NO_ARGUMENTS[kind]})


@pytest.mark.parametrize("name", ["on_limit", "strict", "allow_insecure", "timeout"])
def test_options_of_a_rest_client_are_checked(name: str) -> None:
    with pytest.raises(UsageError, match=f"^{name} must be"):
        RestClient(**{name: NO_ARGUMENTS["series"]})


def test_options_may_be_of_other_libraries() -> None:
    client = Client(
        on_limit=as_enum("raise"),
        strict=numpy.bool_(False),  # type: ignore[arg-type]
        max_wait_s=numpy.float32(5),  # type: ignore[arg-type]
        rest_timeout=numpy.int64(5),  # type: ignore[arg-type]
        timeout=numpy.float32(2.5),
        flags=numpy.int64(65536),
        channels_per_connection=numpy.int64(5),
        dispatch_threads=numpy.int64(2),
        mailbox_size=numpy.int64(500),
    )
    client.close()


@pytest.mark.parametrize(
    "value", [5, 5.0, numpy.int64(5), numpy.float32(5), numpy.array(5)], ids=repr
)
def test_seconds_are_any_real_number(value: Any) -> None:
    found = check_seconds("timeout", value)
    assert (found, type(found)) == (5.0, float)


@pytest.mark.parametrize("value", [10**400, -(10**400), True, "5", float("nan")])
def test_other_seconds_are_refused(value: Any) -> None:
    with pytest.raises(UsageError, match="^timeout must be"):
        check_seconds("timeout", value)


def test_counts_are_integers_of_any_kind() -> None:
    assert type(check_count("pool_size", numpy.int64(5))) is int
    for bad in (True, 5.0, numpy.bool_(True), numpy.array([5])):
        with pytest.raises(UsageError):
            check_count("pool_size", bad)


@pytest.mark.parametrize("bad", ["no", 1, 0, None, pandas.NA, numpy.array([True])])
def test_truth_of_something_else_is_not_guessed(bad: Any) -> None:
    with pytest.raises(UsageError, match="^wait must be True or False"):
        check_bool("wait", bad)
    assert check_bool("wait", numpy.bool_(False)) is False


@pytest.mark.parametrize("kind", NO_ARGUMENTS)
def test_nothing_but_true_cancels_all_orders(kind: str) -> None:
    transport: Any = AnswerTransport()
    for bad in (NO_ARGUMENTS[kind], 1.0, numpy.array([1]), Decimal(1), "1"):
        with pytest.raises(UsageError, match="^all must be True"):
            AuthEndpoints(transport).cancel_order_multi(all=bad)
    assert transport.requests == []


@pytest.mark.parametrize("name", ["progress", "fill", "limit", "sort", "resume_after"])
@pytest.mark.parametrize("kind", ["NA", "series", "array", "frame"])
def test_iterators_check_their_options(name: str, kind: str) -> None:
    transport: Any = AnswerTransport()
    with pytest.raises(UsageError, match=f"^{name} must be"):
        PublicEndpoints(transport).iter_candles("tBTCUSD", **{name: NO_ARGUMENTS[kind]})
