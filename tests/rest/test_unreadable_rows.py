"""A list with a row that cannot be read: nothing of it is silently absent."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from bfxsync import Client
from bfxsync.errors import RemoteError, UsageError
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.public import PublicEndpoints

from .conftest import Serve
from .tables import AnswerTransport

TICKER = [10645, 73.93, 10647, 75.22, 731.6, 0.0738, 10644.6, 14480.9, 10766, 9889.1]
TRADE = [388063448, 1567526214876, 1.918524, 10682]
WALLET = ["exchange", "USD", 19788.65, 0, 19788.65, None, None]
LIQUIDATION = ["pos", 171085137, 1706395919788, None, "tAVAXF0:USTF0", -8, 32.868]
LIQUIDATION += [None, 1, 1, None, 33.255]
PAYMENT = {"payment_hash": "5c1bc3aa", "created_at": 1614864432000}


def call(on: type, answer: Any, ask: Callable[[Any], Any]) -> Any:
    return ask(on(AnswerTransport(answer)))


def error_of(on: type, answer: Any, ask: Callable[[Any], Any]) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        call(on, answer, ask)
    return caught.value


@pytest.mark.parametrize(
    "on, ask, good, bad",
    [
        (PublicEndpoints, lambda p: p.get_t_trades("tBTCUSD"), TRADE, [1, 2]),
        (AuthEndpoints, lambda a: a.get_wallets(), WALLET, ["exchange", 5]),
        (
            PublicEndpoints,
            lambda p: p.get_vasps(),
            {"id": "1", "name": "One"},
            {"id": 5},
        ),
        (PublicEndpoints, lambda p: p.get_tickers("ALL"), ["tBTCUSD", *TICKER], ["x"]),
        (
            AuthEndpoints,
            lambda a: a.get_lightning_payments("getInvoicesByUser"),
            PAYMENT,
            [],
        ),
    ],
    ids=["trades", "wallets", "vasps", "tickers", "payments"],
)
def test_error_has_the_other_rows_and_the_reasons(
    on: type, ask: Callable[[Any], Any], good: Any, bad: Any
) -> None:
    whole = call(on, [good, good], ask)
    error = error_of(on, [good, bad, good], ask)
    [(row, reason)] = error.unreadable
    assert row is error.raw is bad
    assert str(error) == f"1 of 3 rows cannot be read: {reason}"
    if isinstance(whole, dict):
        assert dict(error.rows) == whole
    else:
        assert error.rows == whole != []


def test_tickers_of_the_other_kind_are_no_unreadable_rows() -> None:
    rows = [["tBTCUSD", *TICKER], ["fUSD", "of no interest here"]]
    assert list(call(PublicEndpoints, rows, lambda p: p.get_t_tickers("ALL"))) == [
        "tBTCUSD"
    ]


def test_liquidation_outside_of_a_list_is_reported_as_a_row() -> None:
    rows = [[LIQUIDATION], "what?", [LIQUIDATION, LIQUIDATION]]
    error = error_of(PublicEndpoints, rows, lambda p: p.get_liquidations())
    assert len(error.rows) == 3
    assert [row for row, _ in error.unreadable] == ["what?"]


@pytest.mark.parametrize("strict", [True, False])
def test_client_passes_on_whether_rows_may_be_left_out(
    serve: Serve, strict: bool, caplog: pytest.LogCaptureFixture
) -> None:
    server = serve(lambda exchange: exchange.answer([WALLET, ["odd"], TRADE[:4]]))
    options: Any = {} if strict else {"strict": False}
    with Client("key-of-nobody", "secret", rest_host=server.host, **options) as client:
        for ask, count in (
            (client.rest.auth.get_wallets, 1),
            (lambda: client.rest.public.get_t_trades("tBTCUSD"), 1),
        ):
            if strict:
                with pytest.raises(RemoteError, match="2 of 3 rows cannot be read"):
                    ask()
            else:
                assert len(ask()) == count
    assert caplog.text.count("they are left out (strict=False)") == (2 - 2 * strict)


def test_strict_is_true_or_false() -> None:
    with pytest.raises(UsageError, match="^strict must be True or False"):
        Client(strict="no")  # type: ignore[arg-type]
