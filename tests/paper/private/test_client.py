"""The client library and the accounts of the local exchange: each reads the API in its own way."""

from __future__ import annotations

import threading
from decimal import Decimal
from typing import Any, Iterator

import pytest

from bfxsync import Client
from bfxsync._base.numbers import round_price
from bfxsync.auth.signer import Signer, TokenSigner
from bfxsync.errors import (
    ApiError,
    AuthError,
    NotExecuted,
    OrderNotPlaced,
    OrderRejected,
    OutcomeUnknown,
)
from bfxsync.paper import PaperAccount, PaperExchange
from bfxsync.paper.account_view import AccountView
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.client import RestClient
from bfxsync.rest.http.rate_limiter import RequestRateLimiter

SUBMIT, TRANSFER = "auth/w/order/submit", "auth/w/transfer"
LIMIT = ("EXCHANGE LIMIT", "tBTCUSD", "0.5", "50000")
"""Far below the market, so that it rests."""


def rest_of(
    exchange: PaperExchange, account: AccountView | None = None, **options: Any
) -> RestClient:
    account = account or exchange.account
    return RestClient(
        exchange.rest_url,
        signer=Signer(account.api_key, account.api_secret),
        numbers=Decimal,
        limits=RequestRateLimiter(exempt_loopback=True),
        # What is absent is believed to be, after a moment.
        **{"absence_s": 0.1, **options},
    )


@pytest.fixture
def auth(exchange: PaperExchange) -> Iterator[AuthEndpoints]:
    with rest_of(exchange) as client:
        yield client.auth


def test_the_whole_client_trades_on_the_local_exchange(exchange: PaperExchange) -> None:
    account = exchange.account
    key, secret = account.api_key, account.api_secret
    with Client(key, secret, rest_host=exchange.rest_url) as bfx:
        note = bfx.rest.auth.submit_order(*LIMIT)
        note.raise_for_status()
        (order,) = bfx.rest.auth.get_orders()
        assert order == note.data and order.id == account.orders[0]["id"]
        assert bfx.rest.auth.cancel_order(id=order.id).status == "SUCCESS"
        assert account.orders == []


def test_switches_affiliate_code_and_expiry_reach_the_exchange(
    exchange: PaperExchange,
) -> None:
    account, tif = exchange.account, "2099-12-31 23:59:59"
    key, secret = account.api_key, account.api_secret
    url = exchange.rest_url
    with Client(key, secret, rest_host=url, affiliate_code="abc") as bfx:
        auth = bfx.rest.auth
        order = auth.submit_order(
            *LIMIT,
            hidden=True,
            post_only=True,
            make_visible=True,
            gid=2**45 - 1,
            tif=tif,
        ).data
        assert order.flags == 4160 and order.hidden == 1 and order.gid == 2**45 - 1
        assert order.meta == {"aff_code": "abc", "make_visible": 1, "$F7": 1}
        assert f"{order.expires_at:%Y-%m-%d %H:%M:%S}" == tif
        order = auth.update_order(order.id, post_only=True, make_visible=False).data
        assert order.flags == 4096 and order.hidden == 0
        assert order.meta == {"aff_code": "abc", "make_visible": 0, "$F7": 1}
        terms = dict(zip(("type", "symbol", "amount", "price"), LIMIT))
        (placed,) = auth.submit_order_multi([("on", {**terms, "hidden": True})]).data
        assert placed.data.flags == 64 and placed.data.meta == {"aff_code": "abc"}
        sale = auth.submit_order(
            "EXCHANGE LIMIT", "tBTCUSD", "-0.5", "50000", protect_selfmatch=True
        )
        assert sale.data.status.is_executed
        auth.cancel_all_orders()


def test_an_oco_order_comes_with_its_stop(auth: AuthEndpoints) -> None:
    note = auth.submit_order(
        "EXCHANGE LIMIT", "tBTCUSD", "0.1", "30000", price_oco_stop="90000", flags=16384
    )
    (stop,) = note.more
    assert note.data.price_aux_limit == 90000 == stop.price
    assert stop.order_type == "EXCHANGE STOP" and stop.placed_id == note.data.id
    assert auth.cancel_order(id=stop.id).is_success
    assert auth.get_orders() == []


def test_balances_are_the_sum_of_their_ledger_to_the_last_digit(
    auth: AuthEndpoints,
) -> None:
    for n in range(1, 12):
        kind = "EXCHANGE MARKET" if n % 2 else "MARKET"
        auth.submit_order(kind, "tETHUSD", f"0.{n:02}{n}7{n}")
        auth.submit_order(kind, "tETHUSD", f"-0.{n:02}37{n}")
        auth.transfer_between_wallets(
            "exchange", "margin", "USD", None, f"{n}.0000000{n}"
        )
    sums: dict[tuple[Any, str], Decimal] = {}
    for row in auth.iter_ledgers():
        key = (row.wallet, row.currency)
        sums[key] = sums.get(key, Decimal(0)) + row.amount
    wallets = auth.get_wallets()
    assert len(wallets) > 5
    for wallet in wallets:
        assert sums[wallet.wallet_type, wallet.currency] == wallet.balance
    trades = list(auth.iter_trades_history())
    for order in auth.get_orders_history():
        filled = sum(t.exec_amount for t in trades if t.order_id == order.id)
        assert filled == order.amount_orig - order.amount == order.amount_orig
        named = order.status.fills
        assert sum(fill.amount for fill in named) == filled


def test_both_sides_of_a_trade_with_oneself_are_given(exchange: PaperExchange) -> None:
    with rest_of(exchange) as client:
        ticker = client.public.get_t_ticker("tBTCUSD")
        assert ticker.bid is not None and ticker.ask is not None
        between = round_price((ticker.bid + ticker.ask) / 2)
        auth = client.auth
        orders = [
            auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", amount, between).data
            for amount in ("-0.01", "0.01")
        ]
        once = auth.get_trades_history()
        for limit in (None, 1):
            trades = list(auth.iter_trades_history(sort=-1, limit=limit))
            assert sorted(map(repr, trades)) == sorted(map(repr, once))
    sides = [trade for trade in trades if trade.exec_price == between]
    assert {trade.order_id for trade in sides} == {order.id for order in orders}
    assert len({trade.id for trade in sides}) == 1


def test_every_status_is_understood_by_the_client(auth: AuthEndpoints) -> None:
    price = auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.001").data.price_avg
    near = str(int(price) + 500)
    auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0.1", near, flags=4096)
    auth.submit_order("EXCHANGE IOC", "tBTCUSD", "0.1", "50000")
    auth.submit_order("EXCHANGE FOK", "tBTCUSD", "0.1", "50000")
    auth.submit_order("LIMIT", "tBTCUSD", "0.1", "50000", flags=1024)
    auth.submit_order("EXCHANGE IOC", "tLTCBTC", "500", "0.0021420")
    auth.cancel_order(id=auth.submit_order(*LIMIT).data.id)
    words = [order.status.word for order in auth.get_orders_history()]
    assert words == [
        "CANCELED",
        "IOC CANCELED",
        "RSN_POS_NOTFOUND",
        "FILLORKILL CANCELED",
        "IOC CANCELED",
        "POSTONLY CANCELED",
        "EXECUTED",
    ]
    assert not any(order.status.is_open for order in auth.get_orders_history())


def test_orders_go_through_all_that_one_can_do_with_them(auth: AuthEndpoints) -> None:
    first = auth.submit_order(*LIMIT, cid=5, gid=1).data
    second = auth.submit_order(*LIMIT, gid=2).data
    day = f"{first.mts_create // 86_400_000}"
    assert int(day) > 0
    changed = auth.update_order(first.id, price="49000", delta="0.1").data
    assert (changed.price, changed.amount) == (49_000, Decimal("0.6"))
    note = auth.submit_order_multi(
        [
            (
                "on",
                {
                    "type": "EXCHANGE LIMIT",
                    "symbol": "tETHUSD",
                    "amount": 1,
                    "price": 1500,
                },
            ),
            ("ou", {"id": second.id, "amount": "0.2"}),
            ("oc", {"id": first.id}),
            ("oc", {"id": 77}),
        ]
    )
    assert [each.status for each in note.data] == ["SUCCESS"] * 3 + ["ERROR"]
    with pytest.raises(OrderRejected):
        note.raise_for_status()
    assert {order.symbol for order in auth.get_orders()} == {"tBTCUSD", "tETHUSD"}
    (left,) = auth.get_orders(symbol="tBTCUSD")
    assert left.amount == Decimal("0.2")
    assert len(auth.cancel_all_orders().data) == 2
    assert auth.get_orders() == []
    assert [order.id for order in auth.get_orders_history(ids=[first.id])] == [first.id]


def test_tests_on_the_local_exchange_need_not_wait(exchange: PaperExchange) -> None:
    """The real exchange allows 15 per minute."""
    with Client(rest_host=exchange.rest_url, on_limit="raise") as bfx:
        for _ in range(20):
            bfx.rest.public.get_t_trades("tBTCUSD", limit=1)
        assert exchange.rest_requests == 20


def test_eight_threads_of_one_client_leave_the_books_right(
    exchange: PaperExchange, auth: AuthEndpoints
) -> None:
    before = exchange.account.balances["exchange"]

    def trade(n: int) -> None:
        for m in range(3):
            order = auth.submit_order(*LIMIT[:2], "0.01", "50000", gid=n).data
            auth.update_order(id=order.id, amount="0.02")
            if m % 2:
                auth.cancel_order(id=order.id)
            auth.submit_order(
                "EXCHANGE MARKET", "tBTCUSD", "0.01" if n % 2 else "-0.01"
            )

    threads = [threading.Thread(target=trade, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    account = exchange.account
    assert len(account.orders) == 16 and len(account.closed_orders) == 8 + 24
    held = account.balances["exchange"]["USD"] - account.available["exchange"]["USD"]
    assert held == pytest.approx(16 * 0.02 * 50_000)
    auth.cancel_all_orders()
    assert account.available == account.balances
    for currency in ("USD", "BTC"):
        entries = auth.get_ledgers(currency, wallet="exchange", limit=2500)
        change = sum(entry.amount for entry in entries[:-1])
        assert entries[-1].balance == entries[-1].amount == Decimal(before[currency])
        assert change == entries[0].balance - entries[-1].balance
        assert float(entries[0].balance) == account.balances["exchange"][currency]


def test_refusals_have_their_classes(
    exchange: PaperExchange, auth: AuthEndpoints
) -> None:
    with pytest.raises(OrderRejected) as caught:
        auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", "50", "50000").raise_for_status()
    assert caught.value.code == 10001
    with pytest.raises(OrderRejected) as caught:
        auth.submit_order("EXCHANGE LIMIT", "tNOPE", "50", "50000")
    assert caught.value.code == 10001
    with pytest.raises(OrderRejected):
        auth.cancel_order(id=5).raise_for_status()
    with pytest.raises(ApiError, match="is not simulated by the local exchange"):
        auth.get_thalex_free_transfer_count()
    with pytest.raises(ApiError, match="Not enough BTC"):
        note = auth.submit_wallet_withdrawal("exchange", "bitcoin", "nowhere", "50")
        note.raise_for_status()
    with RestClient(exchange.rest_url, signer=Signer("paper-key", "wrong")) as client:
        with pytest.raises(AuthError) as refused:
            client.auth.get_wallets()
    assert refused.value.code == 10100


def test_the_other_groups_are_read_by_the_client(auth: AuthEndpoints) -> None:
    auth.submit_order("MARKET", "tBTCF0:USTF0", "0.5", lev=20)
    (position,) = auth.get_positions()
    assert position.amount == Decimal("0.5") and position.leverage == 20
    auth.submit_order("MARKET", "tBTCF0:USTF0", "-0.5")
    amounts = [row.amount for row in auth.get_positions_audit()]
    assert amounts[0] == 0 and max(amounts) == Decimal("0.5")
    (closed,) = auth.get_positions_history()
    assert closed.position_id == position.position_id
    assert auth.get_positions_snapshot() == []
    assert auth.get_base_margin_info().margin_balance > 0
    assert len(auth.get_all_symbols_margin_info()) == 9
    assert auth.get_symbol_margin_info("tBTCUSD").tradable_balance > 0
    address = auth.get_deposit_address("exchange", "bitcoin").data
    assert [row.address for row in auth.get_deposit_addresses("bitcoin")] == [
        address.address
    ]
    done = auth.submit_wallet_withdrawal("exchange", "bitcoin", "nowhere", "0.5").data
    movement, *_ = auth.get_movements()
    assert movement.id == done.withdrawal_id and movement.amount == Decimal("-0.5")
    assert auth.get_movement_info(movement.id).fees == Decimal("-0.0004")
    free = auth.get_balance_available_for_orders_or_offers(
        "tBTCUSD", "EXCHANGE", dir=-1, rate=1
    )
    assert free.amount == Decimal("9.4996")
    assert auth.get_wallets_history(currency="BTC")[0].balance == Decimal("9.4996")
    assert auth.get_otc_orders_history() == []


@pytest.mark.parametrize("fault", ["lost_answer", "lost_request"])
def test_what_became_of_an_order_is_found_out(
    exchange: PaperExchange, auth: AuthEndpoints, fault: str
) -> None:
    exchange.inject(fault, path=SUBMIT)
    with pytest.raises(OutcomeUnknown) as caught:
        auth.submit_order(*LIMIT)
    mine = exchange.account.orders
    if fault == "lost_answer":
        order = caught.value.resolve()
        assert [order.id] == [each["id"] for each in mine]
    else:
        with pytest.raises(OrderNotPlaced):
            caught.value.resolve()
        assert mine == []
    assert exchange.fault_counts[fault] == 1


def test_an_order_filled_at_once_is_found_in_the_history(
    exchange: PaperExchange, auth: AuthEndpoints
) -> None:
    exchange.inject("lost_answer", path=SUBMIT)
    with pytest.raises(OutcomeUnknown) as caught:
        auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.1")
    assert caught.value.resolve().status.word == "EXECUTED"


@pytest.mark.parametrize("fault", ["lost_answer", "lost_request"])
def test_what_became_of_other_writes_is_found_out(
    exchange: PaperExchange, auth: AuthEndpoints, fault: str
) -> None:
    order = auth.submit_order(*LIMIT).data
    for path, call in (
        (
            TRANSFER,
            lambda: auth.transfer_between_wallets("exchange", "margin", "USD", None, 5),
        ),
        (
            "auth/w/withdraw",
            lambda: auth.submit_wallet_withdrawal(
                "exchange", "bitcoin", "nowhere", "0.5"
            ),
        ),
    ):
        exchange.inject(fault, path=path)
        with pytest.raises(OutcomeUnknown) as caught:
            call()
        if fault == "lost_answer":
            assert caught.value.resolve() is not None
        else:
            with pytest.raises(NotExecuted):
                caught.value.resolve()
    exchange.inject(fault, path="auth/w/order/cancel")
    with pytest.raises(OutcomeUnknown) as caught:
        auth.cancel_order(id=order.id)
    is_open = caught.value.resolve().status.is_open
    assert is_open == (fault == "lost_request")


def test_threads_and_clients_of_one_key_share_its_nonce(
    exchange: PaperExchange,
) -> None:
    """No request is refused: each arrives with a nonce larger than the last one."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            with rest_of(exchange) as client:
                for _ in range(10):
                    client.auth.get_orders()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    assert exchange.rest_requests == 40


def test_tests_can_have_accounts_of_their_own() -> None:
    account = PaperAccount(
        api_key="mine", api_secret="secret", balances={"exchange": {"USD": 100}}
    )
    with PaperExchange(accounts=[account]) as exchange:
        with rest_of(exchange) as client:
            (wallet,) = client.auth.get_wallets()
            assert (wallet.currency, wallet.balance) == ("USD", 100)


def test_user_data_and_rights_of_the_key(
    exchange: PaperExchange, auth: AuthEndpoints
) -> None:
    auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.1")
    assert auth.get_user_info().username == "paper"
    assert {row.scope: row.write for row in auth.get_key_permissions()}["orders"] == 1
    assert len(auth.get_login_history()) == len(auth.get_changelog_history()) == 1
    assert auth.get_summary() is not None
    token = auth.generate_token(caps=["o"], ttl=60).token
    with RestClient(exchange.rest_url, signer=TokenSigner(token)) as client:
        assert client.auth.get_orders() == []
        with pytest.raises(ApiError):
            client.auth.submit_order(*LIMIT)
    auth.invalidate_token(token)
    with RestClient(exchange.rest_url, signer=TokenSigner(token)) as client:
        with pytest.raises(AuthError):
            client.auth.get_orders()


def test_the_collateral_of_a_derivative_is_set(auth: AuthEndpoints) -> None:
    symbol = "tBTCF0:USTF0"
    auth.submit_order("MARKET", symbol, "0.1", lev=10).raise_for_status()
    limits = auth.get_derivative_position_collateral_limits(symbol)
    assert 0 < limits.min_collateral < limits.max_collateral
    collateral = limits.min_collateral + 100
    assert auth.set_derivative_position_collateral(symbol, collateral).status == 1
    (position,) = auth.get_positions()
    assert position.collateral == collateral
    assert position.price_liq is not None and position.collateral_min is not None
    with pytest.raises(ApiError, match="market risk") as caught:
        auth.set_derivative_position_collateral(symbol, limits.max_collateral + 1)
    assert caught.value.code == 110202
    with pytest.raises(ApiError, match="position: not found"):
        auth.get_derivative_position_collateral_limits("tETHF0:USTF0")
