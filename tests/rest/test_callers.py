"""Errors of REST name the call that was refused."""

from __future__ import annotations

import pickle
from typing import Any, Callable

import pytest

from bfxsync.auth.signer import Signer
from bfxsync.errors import ApiError, OrderRejected, RateLimited
from bfxsync.rest.client import RestClient
from bfxsync.rest.http.rate_limiter import RequestRateLimiter

from .conftest import Connect, Serve
from .server import Exchange
from .signed import KEY, SECRET

REFUSED = ["error", 10020, "symbol: invalid"]
TOKEN = "482913-sentinel"

Call = Callable[[RestClient], Any]


def client(serve: Serve, connect: Connect, answer: Any, status: int) -> RestClient:
    def refuse(request: Exchange) -> object:
        return request.answer(answer, status)

    host = connect(serve(refuse), limits=RequestRateLimiter()).host
    return RestClient(host, signer=Signer(KEY, SECRET), limits=RequestRateLimiter())


@pytest.mark.parametrize(
    "call, named",
    [
        (lambda rest: rest.public.get_t_ticker("tNOPE"), 'get_t_ticker("tNOPE")'),
        (lambda rest: rest.public.get_t_book("tNOPE"), 'get_t_book("tNOPE")'),
        (
            lambda rest: next(rest.public.iter_candles("tNOPE", "1h")),
            'get_candles_hist("tNOPE")',
        ),
        (lambda rest: list(rest.public.iter_trades("fNOPE")), 'get_f_trades("fNOPE")'),
        (lambda rest: rest.auth.get_wallets(), "get_wallets()"),
        (lambda rest: rest.auth.get_orders(ids=[7]), "get_orders(ids=…)"),
        (
            lambda rest: list(rest.auth.iter_trades_history(symbol="tNOPE")),
            'get_trades_history(symbol="tNOPE")',
        ),
        (lambda rest: rest.auth.cancel_order(id=7), "cancel_order(id=7)"),
        (
            lambda rest: rest.auth.transfer_between_wallets(
                "exchange",
                "margin",
                "USD",
                "USD",
                1.5,
                tfa_token={"method": "otp", "token": TOKEN},
            ),
            'transfer_between_wallets("exchange", "margin", "USD", "USD", 1.5)',
        ),
        (lambda rest: rest.request("GET", "nope/x"), "GET nope/x"),
    ],
)
def test_refusal_names_the_call(
    serve: Serve, connect: Connect, call: Call, named: str
) -> None:
    with pytest.raises(ApiError) as caught:
        call(client(serve, connect, REFUSED, 400))
    error = caught.value
    assert error.call == named
    assert str(error) == f"{named}: symbol: invalid (code 10020)"
    assert error.message == "symbol: invalid" and TOKEN not in repr(vars(error))
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_rate_limit_names_the_call(serve: Serve, connect: Connect) -> None:
    rest = client(serve, connect, {"error": "ERR_RATE_LIMIT"}, 429)
    rest._transport._max_wait_s = 0.0
    with pytest.raises(RateLimited, match=r'^get_t_ticker\("tBTCUSD"\): .*refused'):
        rest.public.get_t_ticker("tBTCUSD")


def test_long_argument_is_cut(serve: Serve, connect: Connect) -> None:
    rest = client(serve, connect, REFUSED, 400)
    with pytest.raises(ApiError) as caught:
        rest.public.get_t_ticker("t" + "A" * 60)
    assert caught.value.call == f'get_t_ticker("t{"A" * 38}…")'


def test_argument_is_shown_on_one_line(serve: Serve, connect: Connect) -> None:
    rest = client(serve, connect, REFUSED, 400)
    with pytest.deprecated_call(), pytest.raises(ApiError) as caught:
        rest.auth.add_pulse("two\nlines", "\x1b[31mred")
    assert caught.value.call == r'add_pulse("two\nlines", "\x1b[31mred")'


ROW = [1, "on-req", None, None, [[None] * 32], 10001, "ERROR", "amount: invalid"]


def test_refused_notification_names_the_call(serve: Serve, connect: Connect) -> None:
    rest = client(serve, connect, ROW, 200)
    answer = rest.auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", "1", "2")
    with pytest.raises(OrderRejected) as caught:
        answer.raise_for_status()
    assert str(caught.value) == (
        'submit_order("EXCHANGE LIMIT", "tBTCUSD", "1"): amount: invalid (code 10001)'
    )
