"""Every public request and its answer, from the exchange's documentation to the models."""

from __future__ import annotations

import inspect
import json
import re
from collections import defaultdict
from contextlib import suppress
from decimal import Decimal
from typing import Any, Iterator
from urllib.parse import parse_qsl, urlsplit

import pytest
import responses
from hypothesis import given
from hypothesis import strategies as st
from strategies import APPENDED, JSON_VALUES

from bfxsync.errors import ClosedError, RemoteError, UsageError
from bfxsync.rest.client import RestClient
from bfxsync.rest.http.rate_limiter import RequestRateLimiter
from bfxsync.rest.public import PublicEndpoints
from bfxsync.rest.public.base import UNDOCUMENTED_PER_MINUTE

from .tables import AnswerTransport, assert_answer, identity, rows_of

HOST = "https://exchange.test/v2"


ROWS = rows_of("requests.jsonl")
ENDPOINTS = {row["name"]: row for row in rows_of("public-endpoints.jsonl")}

ONE_ROW_OF_EACH_METHOD = {row["call"][0]: row for row in ROWS}

WITH_MODEL = [row for row in ROWS if row["model"] is not None]


EVERY_ROW = pytest.mark.parametrize("row", ROWS, ids=identity)
EVERY_MODEL_ROW = pytest.mark.parametrize("row", WITH_MODEL, ids=identity)

NUMBERS = pytest.mark.parametrize("number", [float, Decimal])


def endpoints(transport: Any, number: Any = float) -> PublicEndpoints:
    return PublicEndpoints(transport, numbers=number)


def call(public: PublicEndpoints, row: dict[str, Any]) -> Any:
    method, arguments, options = row["call"]
    return getattr(public, method)(*arguments, **options)


@pytest.fixture
def client(number: Any) -> Iterator[RestClient]:
    with RestClient(HOST, numbers=number, limits=RequestRateLimiter()) as client:
        yield client


# --- the table is whole -----------------------------------------------------------------------


def test_table_has_every_endpoint_of_the_exchange() -> None:
    assert {row["endpoint"] for row in ROWS} == set(ENDPOINTS)
    assert len(ENDPOINTS) == 24


def test_table_has_every_method() -> None:
    members = inspect.getmembers(PublicEndpoints, inspect.isfunction)
    # Those that page by themselves send what the others send.
    methods = {name for name, _ in members if not name.startswith(("_", "iter_"))}
    assert {row["call"][0] for row in ROWS} == methods


@EVERY_ROW
def test_request_of_the_table_is_one_of_its_endpoint(row: dict[str, Any]) -> None:
    endpoint, request = ENDPOINTS[row["endpoint"]], row["request"]
    pattern = re.sub(r"\{\w+\}", "[^/]+", endpoint["path"].replace(":{side}", ""))
    assert request["method"] == endpoint["method"]
    assert re.fullmatch(pattern, request["path"])


# --- what is sent, and what the answer means --------------------------------------------------


@NUMBERS
@EVERY_ROW
def test_request_and_answer_are_as_documented(
    client: RestClient, row: dict[str, Any], number: Any
) -> None:
    with responses.RequestsMock() as exchange:
        for method in ("GET", "POST"):
            exchange.add(method, re.compile(".*"), body=row["answer"])
        exchange.assert_all_requests_are_fired = False
        found = call(client.public, row)
        (sent,) = [made.request for made in exchange.calls]
    wanted = row["request"]
    address, _, query = str(sent.url).partition("?")
    assert sent.method == wanted["method"]
    assert address == f"{HOST}/{wanted['path']}"
    assert dict(parse_qsl(query, strict_parsing=bool(query))) == wanted["query"]
    if wanted["body"] is None:
        assert not sent.body
    else:
        assert json.loads(sent.body or b"") == wanted["body"]
    assert_answer(found, row, number)


@NUMBERS
@EVERY_MODEL_ROW
def test_answer_has_the_symbol_that_the_request_named(
    row: dict[str, Any], number: Any
) -> None:
    method, arguments, options = row["call"]
    answer = json.loads(row["answer"], parse_float=number)
    found = call(endpoints(AnswerTransport(answer), number), row)
    models = found if isinstance(found, list) else [found]
    if isinstance(found, dict):
        assert [model.symbol for model in found.values()] == list(found)
    elif re.match(
        r"get_(candles|seed|[tf]_|derivatives|open|.*average|funding_)", method
    ):
        assert {model.symbol for model in models} <= {arguments[0]}
    if "candles" in method:
        sent = row["request"]["path"].split(":")[1]
        assert {model.timeframe for model in models} <= {sent}
    assert not any(getattr(model, "server_mts", None) for model in models)


def test_symbols_stay_readable_in_the_address() -> None:
    with responses.RequestsMock() as exchange:
        exchange.add("GET", re.compile(".*"), body="[]")
        with RestClient(HOST, limits=RequestRateLimiter()) as client:
            client.public.get_tickers(["tBTCUSD", "tDOGE:USD"])
        sent = urlsplit(str(exchange.calls[0].request.url))
    assert sent.query == "symbols=tBTCUSD,tDOGE:USD"


@EVERY_ROW
def test_request_counts_against_the_documented_limit(row: dict[str, Any]) -> None:
    transport = AnswerTransport(json.loads(row["answer"]))
    call(endpoints(transport), row)
    ((_, _, options),) = transport.requests
    documented = ENDPOINTS[row["endpoint"]]["rate_limit"]
    assert options["per_minute"] == (documented or UNDOCUMENTED_PER_MINUTE)


@pytest.mark.parametrize(
    "name", [name for name in ENDPOINTS if "max_limit" in ENDPOINTS[name]]
)
def test_answer_is_at_most_as_long_as_documented(name: str) -> None:
    maximum = ENDPOINTS[name]["max_limit"]
    for method in {row["call"][0] for row in ROWS if row["endpoint"] == name}:
        _, arguments, _ = ONE_ROW_OF_EACH_METHOD[method]["call"]
        transport = AnswerTransport([])
        ask = getattr(endpoints(transport), method)
        with pytest.raises(
            UsageError, match=f"limit .* to {maximum}, not {maximum + 1}"
        ):
            ask(*arguments, limit=maximum + 1)
        assert transport.requests == []
        with suppress(RemoteError):
            ask(*arguments, limit=maximum)
        assert transport.requests[0][2]["params"]["limit"] == maximum


def test_budget_is_shared_by_the_endpoints_of_one_page_only() -> None:
    sharing: defaultdict[str, set[str]] = defaultdict(set)
    for row in ROWS:
        transport = AnswerTransport(json.loads(row["answer"]))
        call(endpoints(transport), row)
        sharing[transport.requests[0][2]["group"]].add(row["endpoint"])
    shared = [names for names in sharing.values() if len(names) > 1]
    assert sorted(map(sorted, shared)) == [
        ["candles_hist", "candles_last"],
        ["rankings_hist", "rankings_last"],
        ["stats_hist", "stats_last"],
    ]
    assert sum(len(names) for names in sharing.values()) == len(ENDPOINTS)


# --- answers that have grown, or are none -----------------------------------------------------


def change_rows(row: dict[str, Any], change: Any, number: Any = float) -> Any:
    """Return the answer with each of its rows changed."""
    answer = json.loads(row["answer"], parse_float=number)
    if row["shape"] == "one":
        return change(answer)
    if row["shape"] == "list-of-lists":
        return [[change(inner) for inner in item] for item in answer]
    return [change(item) for item in answer]


# A row that ends before its last optional fields is as old servers sent it: it did not grow.
GROWING = {
    (row["call"][0], row["answer"]): row
    for row in WITH_MODEL
    if row["answer"] != "[]" and not row.get("short")
}


@NUMBERS
@given(appended=APPENDED)
def test_r14_appended_fields_change_nothing(number: Any, appended: list[Any]) -> None:
    fields = {f"new_{index}": value for index, value in enumerate(appended)}
    for row in GROWING.values():
        if row["shape"] == "objects":
            answer = change_rows(row, lambda found: {**found, **fields}, number)
        else:
            answer = change_rows(row, lambda found: found + appended, number)
        found = call(endpoints(AnswerTransport(answer), number), row)
        assert_answer(found, row, number)


@pytest.mark.parametrize(
    "row", [row for row in WITH_MODEL if row["answer"] != "[]"], ids=identity
)
def test_r14_missing_fields_are_a_remote_error(row: dict[str, Any]) -> None:
    empty: Any = {} if row["shape"] == "objects" else []
    answer = change_rows(row, lambda _: empty)
    with pytest.raises(RemoteError):
        call(endpoints(AnswerTransport(answer)), row)


@NUMBERS
@given(answer=JSON_VALUES | st.lists(JSON_VALUES, max_size=3))
def test_r14_any_answer_is_read_or_is_a_remote_error(number: Any, answer: Any) -> None:
    for row in ONE_ROW_OF_EACH_METHOD.values():
        try:
            call(endpoints(AnswerTransport(answer), number), row)
        except RemoteError:
            pass


@pytest.mark.parametrize("answer", [None, 1, "text", {}], ids=repr)
@EVERY_MODEL_ROW
def test_r14_answer_of_another_kind_is_a_remote_error(
    row: dict[str, Any], answer: Any
) -> None:
    with pytest.raises(RemoteError) as caught:
        call(endpoints(AnswerTransport(answer)), row)
    assert caught.value.raw == answer


@pytest.mark.parametrize(
    "answer",
    [[["xBTCUSD", *range(10)]], [["", 1]], [[1, 2]], [[]], [{}], [None]],
    ids=str,
)
def test_ticker_without_a_known_symbol_is_a_remote_error(answer: Any) -> None:
    with pytest.raises(RemoteError):
        endpoints(AnswerTransport(answer)).get_tickers("ALL")


def test_unreadable_ticker_of_the_other_kind_is_not_looked_at() -> None:
    public = endpoints(AnswerTransport([["fUSD", None], ["tBTCUSD", *range(10)]]))
    assert list(public.get_t_tickers("ALL")) == ["tBTCUSD"]


def test_official_names_of_one_request_are_one_method() -> None:
    assert PublicEndpoints.get_seed_candles is PublicEndpoints.get_candles_hist


# --- conf -------------------------------------------------------------------------------------


@pytest.mark.parametrize("values", [[], [[1], [2]]], ids=["none", "too many"])
def test_unknown_configuration_is_a_remote_error(values: Any) -> None:
    with pytest.raises(RemoteError, match="pub:made:up"):
        endpoints(AnswerTransport(values)).conf("pub:made:up")


def test_one_unknown_configuration_of_many_is_a_remote_error() -> None:
    with pytest.raises(RemoteError, match="1 values for pub:a, pub:b"):
        endpoints(AnswerTransport([[1]])).conf_many(["pub:a", "pub:b"])


def test_configuration_named_twice_is_asked_for_once() -> None:
    transport = AnswerTransport([[1]])
    assert endpoints(transport).conf_many(["pub:a", "pub:a"]) == {"pub:a": [1]}
    assert transport.requests[0][1] == "conf/pub:a"


# --- the client -------------------------------------------------------------------------------


def test_client_asks_for_anything_else() -> None:
    with responses.RequestsMock() as exchange:
        exchange.add("POST", f"{HOST}/some/new:thing", body='[1, {"a": 2.5}]')
        with RestClient(HOST, numbers=Decimal, limits=RequestRateLimiter()) as client:
            found = client.request(
                "POST", "some/new:thing", params={"x": 1}, body={"y": "z", "n": None}
            )
        request = exchange.calls[0].request
    assert found == [1, {"a": Decimal("2.5")}]
    assert request.url == f"{HOST}/some/new:thing?x=1"
    assert json.loads(request.body or b"") == {"y": "z"}


def test_client_that_is_closed_sends_nothing() -> None:
    client = RestClient(HOST, limits=RequestRateLimiter())
    client.close()
    client.close()
    with responses.RequestsMock() as exchange:
        for ask in (
            client.public.get_platform_status,
            lambda: client.request("GET", "platform/status"),
        ):
            with pytest.raises(ClosedError):
                ask()
        assert len(exchange.calls) == 0


@pytest.mark.parametrize(
    "options", [{"numbers": int}, {"host": "exchange.test"}, {"timeout": 0}], ids=str
)
def test_client_refuses_impossible_options(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        RestClient(**options)
