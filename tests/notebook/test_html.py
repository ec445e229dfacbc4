"""What a notebook shows of a client and its parts, on a local exchange."""

from __future__ import annotations

import re

import pytest

from bfxsync import BfxError, Client
from bfxsync.book.book import AggregatedBook
from bfxsync.models import Ticker, Wallet
from bfxsync.models.model_list import ModelDict
from bfxsync.notebook.html.shown import html_of, list_html

SECRET = "paper-secret-of-this-test"


@pytest.fixture(scope="module")
def bfx(exchange):
    options = {
        "wss_host": exchange.url,
        "rest_host": exchange.rest_url,
        "api_key": exchange.account.api_key,
        "api_secret": exchange.account.api_secret,
    }
    with Client(**options) as client:
        client.wss.account.wait_ready()
        client.wss.subscribe_ticker("tBTCUSD").unsubscribe()
        yield client


def text_of(item):
    return re.sub("<.*?>", "|", item._repr_html_())


def test_a_client_shows_its_state_and_no_key(bfx, exchange):
    with bfx.wss.subscribe_ticker("tBTCUSD"):
        for item in (bfx, bfx.wss):
            text = text_of(item)
            assert "open" in text and "Subscriptions: 1" in text and "tBTCUSD" in text
            assert exchange.account.api_key not in text
            assert exchange.account.api_secret not in text
    assert "Subscriptions" not in text_of(bfx)


def test_a_client_shows_what_ended_it_and_errors(exchange):
    done = []
    with Client(wss_host=f"{exchange.url}?token={SECRET}") as client:
        client.wss.on("open", lambda: done.append(1 / 0))
        client.wss.wait_ready()
        client.wss.wait_for(lambda: client.stats()["wss"]["error_count"], 10)
        client._guard.halt()
        text = text_of(client)
        assert "ZeroDivisionError" in text and "halted" in text and SECRET not in text
        client.wss._core.lifetime.exception = BfxError("no way")
        assert "BfxError: no way" in text_of(client)


def test_a_subscription_shows_its_state(bfx):
    with bfx.wss.subscribe_trades("tBTCUSD", lambda trade: 1 / 0) as trades:
        bfx.wss.wait_for(lambda: trades.error_count, 10)
        text = text_of(trades)
        assert "Subscription trades tBTCUSD" in text and "live" in text
        assert "ZeroDivisionError" in text and "s ago" in text
    assert "closed" in text_of(trades)


def test_a_book_shows_its_levels(bfx):
    with bfx.wss.subscribe_book("tBTCUSD") as sub:
        assert "bid price" in text_of(sub) and "BookSubscription" in text_of(sub)
        assert "|current, as of" in text_of(sub.book).replace("side, ", "side|")
        assert "a frozen copy" in text_of(sub.book.snapshot())
    # An ended book is shown as it was, and says so.
    assert "not current" in text_of(sub.book)


def test_the_account_shows_what_is_known(bfx, exchange):
    assert "wallets" in text_of(bfx.wss.account)
    assert "Wallets: " in text_of(bfx.wss.account.wallets)
    assert "Orders: 0 rows" in text_of(bfx.wss.account.orders)
    assert "Margin: 0 rows" in text_of(bfx.wss.account.margin)
    account = exchange.account
    with Client(account.api_key, account.api_secret, wss_host=exchange.url) as other:
        assert "call wait_ready()" in text_of(other.wss.account.orders)
        assert "not known yet" in text_of(other.wss.account)


def test_a_reply_shows_its_order(bfx):
    with bfx.wss.subscribe_ticker("tBTCUSD") as ticks:
        price = int(ticks.get(10).bid * 0.8)
    order = dict(symbol="tBTCUSD", amount="0.01")
    reply = bfx.wss.inputs.submit_order(type="EXCHANGE LIMIT", price=price, **order)
    reply.result(10)
    assert "ACTIVE" in text_of(reply) and "Fills" not in text_of(reply)
    filled = bfx.wss.inputs.submit_order(type="EXCHANGE MARKET", **order)
    filled.wait_filled(10)
    assert "Fills: " in text_of(filled)
    reply.cancel_order().result(10)
    calculated = bfx.wss.inputs.calc("balance")
    calculated.result(10)
    assert "done" in text_of(calculated)
    # Notifications have models inside.
    answer = bfx.rest.auth.submit_order(type="EXCHANGE LIMIT", price=price, **order)
    assert "SUCCESS" in text_of(answer) and "EXCHANGE LIMIT" in text_of(answer)
    bfx.rest.auth.cancel_order(id=answer.data.id)


def test_a_history_shows_its_state(bfx):
    with bfx.trades("tBTCUSD", since=1) as past:
        assert "new" in text_of(past)
    assert "closed" in text_of(past)


def test_lists_and_dicts_of_models_are_tables(bfx):
    tickers = bfx.rest.public.get_t_tickers(["tBTCUSD", "tETHUSD"])
    assert "Ticker: 2 rows" in text_of(tickers)
    assert "Ticker: 2 rows" in text_of(ModelDict(dict(tickers), Ticker))
    wallets = bfx.rest.auth.get_wallets()
    assert text_of(wallets).count("exchange") and "Wallet: " in text_of(wallets)
    with bfx.wss.subscribe_trades("tBTCUSD") as trades:
        snapshot = next(trades.events())
        assert "Snapshot of Trade" in text_of(snapshot)


def test_an_error_is_a_table(bfx):
    with pytest.raises(BfxError) as info:
        bfx.rest.public.get_t_ticker("tNOPE")
    assert "code|" in text_of(info.value)


def test_a_book_without_a_subscription_is_a_table():
    assert text_of(AggregatedBook()).startswith("|||AggregatedBook: 0 bids")


def test_other_values_keep_their_repr():
    assert html_of(object()) is None
    assert list_html([1]) is None
    broken = Wallet.__new__(Wallet)
    assert broken._repr_html_() is None
