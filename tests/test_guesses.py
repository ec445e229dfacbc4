"""What is proposed for names that do not exist."""

from __future__ import annotations

import copy
import importlib
import re
import traceback
from functools import reduce

import pytest

import bfxsync
from bfxsync import Client, UsageError, WebSocketClient
from bfxsync._base import guesses
from bfxsync._base.guesses import ProposesNames, did_you_mean, methods_like, names_like
from bfxsync.ws.dispatch import events
from bfxsync.ws.dispatch.events import arguments_of


@pytest.fixture(scope="module")
def client():
    with Client("paper-key", "paper-secret") as client:
        yield client


def test_every_proposal_of_the_table_exists(client):
    for paths in guesses._SUBJECTS.values():
        for path in paths:
            *parts, last = path.split(".")
            owner = reduce(getattr, parts, client)
            # Properties are not read, as they would ask the exchange.
            assert hasattr(type(owner), last), path


def test_no_subject_stands_twice():
    names = [name for names in guesses._SUBJECTS for name in names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("part", ["", "wss", "rest", "rest.public", "rest.auth"])
@pytest.mark.parametrize(
    ("guess", "first"),
    [
        ("get_ticker", "client.rest.public.get_t_ticker or client.wss.subscribe_t"),
        ("on_ticker", "client.wss.subscribe_ticker or client.rest.public.get_t_t"),
        ("watchOrderBook", "client.wss.subscribe_book or "),
        ("fetchOHLCV", "client.rest.public.get_candles_hist or "),
        ("on_trade", "client.wss.subscribe_trades or "),
        ("get_t_klines", "client.rest.public.get_candles_hist or "),
        ("load_markets", "client.symbols.exchange_pairs?"),
        ("get_public_books", "client.rest.public.get_t_book or "),
        ("watch_liquidations", "client.wss.subscribe_liquidations or "),
        ("subscribe_derivative_status", "client.wss.subscribe_derivatives_status or "),
        ("fetchOpenInterest", "client.rest.public.get_open_interest or "),
        ("fetch_open_interest_history", "client.rest.public.get_open_interest_history"),
        ("submit_cancel_order", "client.rest.auth.cancel_order or client.wss.inputs.c"),
        ("get_balance", "client.rest.auth.get_wallets or client.wss.subscribe_acco"),
        ("watch_orders", "client.wss.subscribe_account or client.rest.auth.get_or"),
        ("createOrder", "client.rest.auth.submit_order or client.wss.inputs.submi"),
        ("amend_order", "client.rest.auth.update_order or client.wss.inputs.updat"),
    ],
)
def test_a_guess_leads_to_the_method(client, part, guess, first):
    owner = reduce(getattr, filter(None, part.split(".")), client)
    with pytest.raises(AttributeError) as caught:
        getattr(owner, guess)
    kind = type(owner).__name__
    text = f"{kind!r} object has no attribute {guess!r}; did you mean {first}"
    assert str(caught.value).startswith(text)


@pytest.mark.parametrize(
    ("part", "name", "place"),
    [
        ("", "subscribe_liquidations", "client.wss.subscribe_liquidations or "),
        ("", "get_open_interest", "client.rest.public.get_open_interest or "),
        ("", "wait_on_update", "client.wss.wait_on_update?"),
        ("", "getUserInfo", "client.rest.auth.get_user_info?"),
        ("rest", "submit_order", "client.wss.inputs.submit_order or client.rest.auth."),
        ("", "inputs", "client.wss.inputs?"),
        ("rest.public", "iter_ledgers", "client.rest.auth.iter_ledgers?"),
        ("rest.auth", "conf_many", "client.rest.public.conf_many?"),
        ("wss", "submit_invoice", "client.rest.merchant.submit_invoice?"),
        ("rest.merchant", "request", "client.rest.request?"),
        ("", "public", "client.rest.public?"),
        ("wss", "auth", "client.rest.auth?"),
    ],
)
def test_a_name_of_another_part_is_found_there(client, part, name, place):
    owner = reduce(getattr, filter(None, part.split(".")), client)
    with pytest.raises(AttributeError) as caught:
        getattr(owner, name)
    assert str(caught.value).partition("; did you mean ")[2].startswith(place)


# The unified methods of ccxt that the exchange has something for.
CCXT = (
    "load_markets fetch_markets fetch_currencies fetch_status fetch_ticker fetch_tickers "
    "fetch_order_book fetch_trades fetch_ohlcv fetch_balance fetch_my_trades fetch_orders "
    "fetch_open_orders fetch_open_order fetch_closed_orders fetch_closed_order fetch_order "
    "fetch_canceled_and_closed_orders fetch_order_trades fetch_positions fetch_position "
    "fetch_position_history fetch_ledger fetch_deposits fetch_withdrawals "
    "fetch_deposits_withdrawals fetch_deposit_address create_deposit_address fetch_trading_fees "
    "fetch_funding_rate fetch_funding_rates fetch_funding_rate_history fetch_open_interest "
    "fetch_open_interest_history fetch_liquidations fetch_mark_price create_order create_orders "
    "edit_order cancel_order cancel_orders cancel_all_orders withdraw transfer watch_ticker "
    "watch_tickers watch_trades watch_order_book watch_ohlcv watch_liquidations watch_orders "
    "watch_my_trades watch_balance watch_positions"
).split()


@pytest.mark.parametrize("name", CCXT)
def test_every_common_name_leads_somewhere(client, name):
    for guess in (name, re.sub(r"_(.)", lambda match: match[1].upper(), name)):
        first, *_ = methods_like(guess, [])
        assert first.startswith("client.")


@pytest.mark.parametrize(
    ("part", "guess", "proposal"),
    [
        ("wss", "subscribe_tickr", "subscribe_ticker"),
        ("rest.public", "get_t_tickr", "get_t_ticker"),
        ("rest.auth", "cancel_all_order", "cancel_all_orders"),
        ("", "wws", "wss"),
        ("rest", "pubic", "public"),
    ],
)
def test_a_slip_leads_to_the_own_name(client, part, guess, proposal):
    owner = reduce(getattr, filter(None, part.split(".")), client)
    with pytest.raises(AttributeError, match=f"; did you mean {proposal}( or |\\?)"):
        getattr(owner, guess)


def test_nothing_is_proposed_for_probes_and_strange_names(client):
    for name in ("_get_ticker", "__wrapped__", "qqqqqqqq"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'$"):
            getattr(client.wss, name)
    assert not hasattr(client, "get_ticker") and hasattr(client, "close")
    assert getattr(client, "get_ticker", None) is None


def test_a_half_made_object_proposes_nothing():
    half = WebSocketClient.__new__(WebSocketClient)
    with pytest.raises(AttributeError, match="has no attribute '_core'$"):
        half.close()
    assert "WebSocketClient" in repr(half)


def test_a_property_may_raise_attribute_errors_itself():
    class Broken(ProposesNames):
        @property
        def ticker(self):
            return self._missing

    with pytest.raises(AttributeError, match="has no attribute 'ticker'$"):
        Broken().ticker
    assert isinstance(copy.copy(Broken()), Broken)


def test_python_adds_no_guess_of_its_own(client):
    with pytest.raises(AttributeError) as caught:
        client.wss.subscribe_tickr
    assert caught.value.name == "subscribe_tickr"
    assert getattr(caught.value, "obj", None) is None


@pytest.mark.parametrize(
    ("event", "proposal"),
    [
        ("ticker", "'t_ticker_update'"),
        ("t_ticker", "'t_ticker_update'"),
        ("T_TICKER_UPDATE", "'t_ticker_update'"),
        ("trade_executions", "'trade_execution'"),
        ("reconnected", "'restored'"),
        ("on_connect", "'open'"),
        ("closed", "'disconnected'"),
        ("new_trade", "'t_trade_execution'"),
        ("order_book", "'t_book_update'"),
        ("wss_error", "'wss-error'"),
    ],
)
def test_an_unknown_event_leads_to_a_known_one(event, proposal):
    with pytest.raises(UsageError, match="; did you mean .*; known are ") as caught:
        arguments_of(event)
    assert proposal in str(caught.value).partition("; known")[0]


@pytest.mark.parametrize("event", ["", "zzzz", None, 5])
def test_an_event_like_no_other_leads_nowhere(event):
    with pytest.raises(UsageError, match="^unknown event [^;]*; known are "):
        arguments_of(event)


def test_names_are_proposed_once_and_likeliest_first():
    assert names_like("opne", ["close", "open", "open"]) == ["open"]
    assert methods_like("tikr", ["_tikr", "ticker"]) == ["ticker"]
    assert did_you_mean() == did_you_mean(None) == ""
    assert did_you_mean("a", None, "b") == "; did you mean a or b?"


@pytest.mark.parametrize("other, event", events._OTHER_NAMES.items())
def test_names_of_other_clients_lead_to_events(other, event):
    assert event in events.EVENTS and other not in events.EVENTS


def test_a_wrong_option_leads_to_the_right_one(client):
    for call, text in (
        (lambda: Client(apikey="x"), "'apikey'; did you mean api_key?"),
        (lambda: Client(host="x"), "'host'; did you mean wss_host or rest_host"),
        (lambda: Client(mailboxsize=5), "'mailboxsize'; did you mean mailbox_size?"),
        (
            lambda: client.wss.subscribe_ticker("tBTCUSD", callbak=print),
            "'callbak'; did you mean callback?",
        ),
        (
            lambda: client.wss.subscribe_book("tBTCUSD", preq="R0"),
            "'preq'; did you mean prec or freq",
        ),
        (
            lambda: client.wss.subscribe_trades("tBTCUSD", channel="book"),
            "'channel': there are symbol, callback, wait, sub_id, ",
        ),
        (
            lambda: client.rest.public.iter_candles("tBTCUSD", stat=1),
            "'stat'; did you mean start",
        ),
    ):
        with pytest.raises(TypeError) as caught:
            call()
        assert str(caught.value).startswith(f"unexpected keyword argument {text}")


def test_a_wrong_option_may_be_a_secret():
    with pytest.raises(TypeError) as caught:
        Client("paper-key", api_secre="paper-confidential")
    frames = traceback.walk_tb(caught.value.__traceback__.tb_next)
    assert not [f for f, _ in frames if "confidential" in repr(f.f_locals)]


def test_a_second_name_of_a_method_does_not_rename_it(client):
    # As it is shown in errors, from Python 3.10 on.
    public = client.rest.public
    name = public.get_seed_candles.__func__.__qualname__
    assert name == "PublicEndpoints.get_candles_hist"


def test_only_errors_pay_for_it():
    assert "difflib" not in vars(importlib.import_module("bfxsync._base.guesses"))
    assert issubclass(bfxsync.Client, ProposesNames)
