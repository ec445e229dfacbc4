"""Any method of REST by its name."""

from __future__ import annotations

import inspect
import json
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import click
import pytest

from bfxsync import OutcomeUnknown
from bfxsync.cli.commands.rest import command_of, rest
from bfxsync.cli.endpoint_names import GROUPS, METHODS
from bfxsync.cli.rest_arguments import OMITTED, arguments_of, parameter_texts
from bfxsync.cli.rest_calls import HIDDEN, call, json_lines, plain
from bfxsync.cli.rest_run import method_of
from bfxsync.paper import PaperExchange

from .conftest import Run

SUBMIT = ("submit_order", "--type", "EXCHANGE LIMIT", "--symbol", "tBTCUSD")
SUBMIT += ("--amount", "0.10", "--price", "20000")


@pytest.mark.once
def test_each_argument_of_each_method_has_an_option() -> None:
    for name, (group, _) in METHODS.items():
        command = command_of(group, name)
        given = {parameter.name for parameter in command.params}
        method = method_of(group, name)
        wanted = set(inspect.signature(method).parameters) - {"self", *OMITTED}
        assert given == wanted | {"yes", "dry_run", "paper"}, name
        text = command.get_help(click.Context(command, info_name=name))
        assert "``" not in text and "Parameters" not in text, name
        assert text.isascii(), name


def test_methods_are_listed_by_group(run: Run) -> None:
    ended = run("rest", "--help")
    assert ended.code == 0
    for title in GROUPS.values():
        assert f"{title}:" in ended.out
    assert "  get_t_ticker " in ended.out and len(ended.lines) > len(METHODS)


def test_a_result_is_json(run: Run) -> None:
    ended = run("rest", "get_t_ticker", "--symbol", "tBTCUSD")
    assert ended.code == 0 and ended.err == ""
    assert json.loads(ended.out)["bid"] > 0


def test_a_result_has_the_digits_of_the_exchange(
    run: Run, exchange: PaperExchange
) -> None:
    ended = run("rest", "get_wallets")
    with exchange.client(numbers=Decimal) as bfx:
        sent = [str(wallet.balance) for wallet in bfx.rest.auth.get_wallets()]
    shown = json.loads(ended.out, parse_float=str, parse_int=str)
    assert sent == [wallet["balance"] for wallet in shown] != []


def test_a_result_is_indented() -> None:
    row = {"price": Decimal("0.00000010"), "flags": [], "ids": [1, Decimal("2")]}
    lines = ["[", "  {", '    "price": 0.00000010,', '    "flags": [],']
    lines += ['    "ids": [', "      1,", "      2", "    ]", "  }", "]"]
    assert list(json_lines([row])) == lines
    assert json.loads("".join(lines)) == [{"price": 1e-7, "flags": [], "ids": [1, 2]}]


def test_names_may_have_hyphens(run: Run) -> None:
    ended = run("rest", "get-candles-hist", "--symbol", "tBTCUSD", "--limit", "3")
    assert len(json.loads(ended.out)) == 3
    amount = ("--symbol", "tBTCUSD", "--amount", "1")
    for limit in ("--price-limit", "--price_limit"):
        ended = run("rest", "get_trading_market_average_price", *amount, limit, "70000")
        assert ended.code == 0


def test_lists_are_separated_by_commas(run: Run) -> None:
    ended = run("rest", "get_t_tickers", "--symbols", "tBTCUSD,tETHUSD")
    assert sorted(json.loads(ended.out)) == ["tBTCUSD", "tETHUSD"]


def test_a_history_has_one_object_per_line(run: Run) -> None:
    dates = ("--start", "2026-01-01", "--end", "2026-01-01T00:20", "--limit", "7")
    ended = run("rest", "iter_candles", "--symbol", "tBTCUSD", *dates)
    assert 15 <= len(ended.objects) <= 21
    assert all(row["timeframe"] == "1m" for row in ended.objects)


def test_a_write_is_sent_after_a_yes_only(run: Run, exchange: PaperExchange) -> None:
    before = len(exchange.account.orders)
    declined = run("rest", *SUBMIT, typed="n\n")
    assert declined.code == 130 and declined.out == ""
    assert f"POST {exchange.rest_url}/auth/w/order/submit" in declined.err
    assert len(exchange.account.orders) == before
    accepted = run("rest", *SUBMIT, typed="y\n")
    assert accepted.code == 0
    data = json.loads(accepted.out)["data"]
    assert data["amount"] == 0.1
    # What was shown is what was sent.
    assert f'"cid": {data["cid"]}\n' in accepted.err
    assert '"amount": "0.10"' in accepted.err
    assert len(exchange.account.orders) == before + 1


def test_without_an_answer_nothing_is_sent(run: Run, exchange: PaperExchange) -> None:
    before = exchange.account.orders
    ended = run("rest", *SUBMIT)
    assert ended.code == 130
    assert ended.err.endswith("nothing was sent; --yes sends it without asking\n")
    assert exchange.account.orders == before


def test_yes_asks_nothing(run: Run) -> None:
    ended = run("rest", *SUBMIT, "--yes")
    assert ended.code == 0 and ended.err == ""


def test_reads_of_the_account_ask_nothing(run: Run) -> None:
    assert run("rest", "get_wallets").code == 0


@pytest.mark.parametrize("method", [SUBMIT, ("get_wallets",), ("get_vasps",)])
def test_a_dry_run_prints_the_request_and_sends_nothing(
    method: tuple[str, ...],
    run: Run,
    exchange: PaperExchange,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests = exchange.rest_requests
    ended = run("rest", *method, "--dry-run", "--yes")
    assert ended.code == 0 and exchange.rest_requests == requests
    assert ended.lines[0].startswith(("POST ", "GET "))
    for secret in (exchange.account.api_secret, exchange.account.api_key, "nonce"):
        assert secret not in ended.out + ended.err


def test_secrets_are_not_shown(run: Run) -> None:
    ended = run("rest", "invalidate_token", "--token", "pub:api:secret", "--dry-run")
    assert ended.code == 0 and "secret" not in ended.out
    assert json.loads("\n".join(ended.lines[1:])) == {"token": HIDDEN}
    broken = '{"otp": 123456'
    wrong = run("rest", *TRANSFER, "--tfa-token", broken, "--dry-run")
    assert wrong.code == 2 and "123456" not in wrong.err


TRANSFER = ("transfer_between_wallets", "--from-wallet", "exchange", "--to-wallet")
TRANSFER += ("margin", "--currency", "BTC", "--amount", "1")


def test_an_argument_without_default_may_be_none(run: Run) -> None:
    ended = run("rest", *TRANSFER, "--yes")
    assert ended.code == 0
    assert json.loads(ended.out)["status"] == "SUCCESS"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["get_t_tiker"],
            "there is no method 'get_t_tiker'; did you mean get_t_ticker",
        ),
        (["get_t_ticker"], "Missing option '--symbol'"),
        (["get_t_ticker", "--symbol", "btcusdt"], "symbol must be 't' and a pair"),
        (
            ["get_candles_hist", "--symbol", "tBTCUSD", "--limit", "many"],
            "Invalid value for '--limit': expected an integer, not 'many'",
        ),
        (
            ["get_candles_hist", "--symbol", "tBTCUSD", "--start", "soon"],
            "Invalid value for '--start': expected 2024-01-31,",
        ),
        (["get_settings", "--keys", ""], "keys must be 'api:' and letters"),
        (["get_t_ticker", "--api-key", "x"], "No such option"),
    ],
)
def test_wrong_arguments_are_one_line(
    arguments: list[str], message: str, run: Run, exchange: PaperExchange
) -> None:
    requests = exchange.rest_requests
    ended = run("rest", *arguments)
    assert ended.code == 2 and ended.out == ""
    assert message in ended.err and ended.err.count("\n") == 1
    assert exchange.rest_requests == requests


def test_a_refusal_has_its_own_code(run: Run) -> None:
    ended = run("rest", "get_t_ticker", "--symbol", "tNOPUSD")
    assert ended.code == 3 and ended.err.count("\n") == 1
    huge = ["5000" if word == "0.10" else word for word in SUBMIT]
    rejected = run("rest", *huge, "--yes")
    assert rejected.code == 3 and "maximum size" in rejected.err


def test_a_lost_answer_is_resolved_or_said(run: Run, exchange: PaperExchange) -> None:
    exchange.inject("lost_answer", path="auth/w/order/submit")
    found = run("rest", *SUBMIT, "--yes")
    assert found.code == 0 and found.err.startswith("no answer: ")
    assert json.loads(found.out)["symbol"] == "tBTCUSD"
    exchange.inject("lost_answer", path="auth/w/settings/set")
    unknown = run("rest", "set_settings", "--settings", '{"api:a": 1}', "--yes")
    assert unknown.code == 5
    assert "look at the account before you send it again" in unknown.err


class InterruptedTransport:
    """A transport whose calls are interrupted, as by Ctrl-C, before or after they are sent."""

    host = "https://api.example.com/v2"
    is_dry_run = False

    def __init__(self, was_sent: bool) -> None:
        self._was_sent = was_sent

    def request(self, *_: Any, before_send: Any, **__: Any) -> None:
        if self._was_sent:
            before_send()
        raise KeyboardInterrupt


class Endpoints:
    """Endpoints with one write and one read."""

    def __init__(self, was_sent: bool) -> None:
        self._transport: Any = InterruptedTransport(was_sent)

    def write(self) -> None:
        self._transport.request("POST", "auth/w/order/submit", body={"a": None})

    def read(self) -> None:
        self._transport.request("POST", "auth/r/wallets", body={})


@pytest.mark.parametrize(
    ("method", "was_sent", "expected"),
    [
        ("write", True, OutcomeUnknown),
        ("write", False, KeyboardInterrupt),
        ("read", True, KeyboardInterrupt),
    ],
)
def test_an_interrupted_write_is_unknown_once_it_was_sent(
    method: str, was_sent: bool, expected: type[BaseException]
) -> None:
    rest_client: Any = SimpleNamespace(auth=Endpoints(was_sent))
    with pytest.raises(expected):
        call(rest_client, "auth", method, {}, lambda request: None)


def test_methods_are_completed(run: Run) -> None:
    context = click.Context(rest, info_name="rest")
    found = [item.value for item in rest.shell_complete(context, "get-t-t")]
    assert found == ["get_t_ticker", "get_t_tickers", "get_t_trades"]


def test_texts_of_parameters_are_read() -> None:
    doc = """Summary.

Parameters
----------
one, two : int
    About `both`
    of them.
three
    About it.

Raises
------
four
    No parameter.
"""
    both = "About both of them."
    assert parameter_texts(doc) == {"one": both, "two": both, "three": "About it."}


def test_an_unknown_kind_of_argument_is_an_error() -> None:
    def method(self: object, value: set[int]) -> None: ...

    with pytest.raises(TypeError, match="no value for 'set"):
        list(arguments_of(method))


def test_results_are_plain_values() -> None:
    assert plain({1: [Decimal("0.10"), date(2026, 1, 31), None]}) == {
        "1": [Decimal("0.10"), "2026-01-31", None]
    }
