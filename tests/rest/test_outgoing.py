from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bfxsync.errors import UsageError
from bfxsync.rest.http.request import request_of

HOST = "https://api.example/v2"


@pytest.mark.parametrize(
    "path",
    [
        "ticker/tBTCUSD",
        "ticker/tDOGE:USD",
        "trades/tBTCF0:USTF0/hist",
        "candles/trade:30m:fUSD:a30:p2:p30/last",
        "conf/pub:list:pair:exchange,pub:map:currency:sym",
        "platform/status",
        "a..b/c.d",
    ],
)
def test_path_is_sent_as_it_is(path: str) -> None:
    assert request_of(HOST, "GET", path)[:4] == ("GET", f"{HOST}/{path}", None, None)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/ticker/tBTCUSD",
        "ticker/",
        "ticker//tBTCUSD",
        "ticker/tBTCUSD?limit=1",
        "ticker/tBTCUSD#x",
        "ticker/t BTCUSD",
        "ticker/tBTCUSD\n",
        "ticker/tBTCUSD\r\nHost: elsewhere",
        "ticker/ţBTCUSD",
        "ticker/%2e%2e",
        "..",
        "../ticker",
        "ticker/../x",
        "ticker/.",
        "@elsewhere\\",
        None,
        b"ticker",
        5,
    ],
    ids=repr,
)
def test_path_that_is_none(path: Any) -> None:
    with pytest.raises(UsageError, match="path must look like"):
        request_of(HOST, "GET", path)


@pytest.mark.parametrize("method", ["get", "PUT", "DELETE", "", None])
def test_method_that_is_not_used(method: Any) -> None:
    with pytest.raises(UsageError, match="method must be"):
        request_of(HOST, method, "ticker")


@pytest.mark.parametrize(
    "params, query",
    [
        (None, ""),
        ({}, ""),
        ({"limit": None}, ""),
        ({"limit": 0}, "?limit=0"),
        ({"limit": 5, "start": None, "sort": -1}, "?limit=5&sort=-1"),
        ({"symbols": "tBTCUSD,tDOGE:USD"}, "?symbols=tBTCUSD,tDOGE:USD"),
        ({"q": "a b&c=d/ü"}, "?q=a+b%26c%3Dd%2F%C3%BC"),
        ({"price": 1e-7}, "?price=0.0000001"),
        ({"price": Decimal("1E-7")}, "?price=0.0000001"),
        ({"price": 1e21}, "?price=1000000000000000000000"),
        ({"price": 0.1 + 0.2}, "?price=0.30000000000000004"),
    ],
    ids=repr,
)
def test_query(params: Any, query: str) -> None:
    assert request_of(HOST, "GET", "x", params).url == f"{HOST}/x{query}"


@pytest.mark.parametrize(
    "value",
    [True, [1], {}, b"x", object(), float("nan"), float("inf"), Decimal("NaN")],
    ids=lambda value: type(value).__name__,
)
def test_query_that_means_nothing(value: Any) -> None:
    with pytest.raises(UsageError, match="limit"):
        request_of(HOST, "GET", "x", {"limit": value})


@pytest.mark.parametrize(
    "body, sent",
    [
        ({}, b"{}"),
        ({"ccy1": "BTC", "ccy2": None}, b'{"ccy1":"BTC"}'),
        ({"n": 1, "on": True}, b'{"n":1,"on":true}'),
        ({"price": 1e-7}, b'{"price":"0.0000001"}'),
        ({"price": Decimal("5E+3")}, b'{"price":"5000"}'),
        ({"in": [{"price": 1e-7}, (2.5, None)]}, None),
    ],
    ids=repr,
)
def test_body(body: Any, sent: Any) -> None:
    request = request_of(HOST, "POST", "calc/fx", body=body)
    assert request.url == f"{HOST}/calc/fx"
    if sent is None:
        sent = b'{"in":[{"price":"0.0000001"},["2.5",null]]}'
    assert request.body == sent


@pytest.mark.parametrize(
    "value", [{1, 2}, b"x", object(), float("nan")], ids=lambda v: type(v).__name__
)
def test_body_that_is_no_json(value: Any) -> None:
    with pytest.raises(UsageError):
        request_of(HOST, "POST", "calc/fx", body={"x": value})


def test_body_that_holds_itself() -> None:
    body: dict[str, Any] = {}
    body["x"] = body
    with pytest.raises(UsageError):
        request_of(HOST, "POST", "calc/fx", body=body)


@pytest.mark.parametrize("value", [[1], [], "a=sentinel", 5, b"{}"], ids=repr)
def test_body_and_params_are_dicts(value: Any) -> None:
    for options in ({"body": value}, {"params": value}):
        with pytest.raises(UsageError, match="^(body|params) must be a dict") as error:
            request_of(HOST, "POST", "calc/fx", **options)
        assert "sentinel" not in str(error.value)


def test_get_has_no_body() -> None:
    with pytest.raises(UsageError, match="not have a body"):
        request_of(HOST, "GET", "ticker", body={})


@given(
    st.dictionaries(st.text(), st.text() | st.integers() | st.none()),
)
def test_body_says_what_was_given(body: dict[str, Any]) -> None:
    sent = request_of(HOST, "POST", "x", body=body).body
    assert sent is not None
    assert json.loads(sent) == {k: v for k, v in body.items() if v is not None}
