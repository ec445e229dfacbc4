"""Funding, alerts, settings, Pulse: what can never work is refused before it is sent."""

from __future__ import annotations

import inspect
import re
import warnings
from collections import OrderedDict
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from bfxsync._base.enums import OrderFlag
from bfxsync.errors import ApiError, OutcomeUnknown, RemoteError, UsageError
from bfxsync.rest.auth import AuthEndpoints

from .tables import AnswerTransport, arguments_of, rows_of

POSSIBLE = {row["call"][0]: row for row in rows_of("auth-requests-funding.jsonl")}

DATES: list[dict[str, Any]] = [
    {"start": "2024-01-01"},
    {"start": True},
    {"start": 1_700_000_000},
    {"end": 1_700_000_000_000_000},
    {"end": datetime(2024, 1, 1)},
    {"start": 1_700_000_000_001, "end": 1_700_000_000_000},
]

HISTORIES = [
    f"{verb}_funding_{name}_history"
    for verb in ("get", "iter")
    for name in ("offers", "loans", "credits", "trades")
]

NO_FUNDING = ["USD", "tBTCUSD", "", "fusd", "fUSD/../x", 5]
NO_PAIRS = ["BTC-USD", "fUSD", "", "tBTCUSD/../x", None, 5]
NO_CURRENCIES = ["", "usd", "fUSD", "U", "USD/..", 5, ["USD"]]
NO_NUMBERS: list[Any] = ["", "x", True, float("nan"), float("inf"), "1e99", []]
NO_AMOUNTS: list[Any] = [*NO_NUMBERS, 0, "0", -1, "-0.5"]
NO_IDS: list[Any] = [0, -1, "5", 5.0, True, None, 2**63]
NO_PERIODS: list[Any] = [0, 1, 121, -2, "2", 2.0, True]
NO_KEYS: list[Any] = [
    None,
    "api:x",
    [],
    {},
    5,
    ["x"],
    ["api:ä"],
    ["api:a b"],
    ["Api:x"],
    [5],
]
NO_TEXTS: list[Any] = ["", " ", 5, b"x", ["x"]]

OFFER = ["LIMIT", "fUSD", "150", "0.0002", 2]


def changed(arguments: list[Any], index: int, bad: Any) -> list[Any]:
    return [*arguments[:index], bad, *arguments[index + 1 :]]


IMPOSSIBLE: list[tuple[str, list[Any], dict[str, Any]]] = [
    *((method, [], bad) for method in HISTORIES for bad in DATES),
    *((method, [], {"symbol": bad}) for method in HISTORIES for bad in NO_FUNDING),
    *(
        (method, [], {"limit": bad})
        for method in HISTORIES
        for bad in (0, -1, "5", 5.0, True)
    ),
    *(
        (method, [], {"limit": 501})
        for method in HISTORIES
        if method != "get_funding_trades_history"
    ),
    *(
        ("get_funding_trades_history", [], {"sort": bad})
        for bad in (0, 2, "1", 1.0, True)
    ),
    *(
        (f"get_funding_{name}", [], {"symbol": bad})
        for name in ("offers", "loans", "credits")
        for bad in NO_FUNDING
    ),
    *(("get_funding_info", [bad], {}) for bad in [*NO_FUNDING, None]),
    *(("get_auto_renew_status", [bad], {}) for bad in [*NO_CURRENCIES, None]),
    # offers
    *(
        ("submit_funding_offer", changed(OFFER, 0, bad), {})
        for bad in ("", "limit", "EXCHANGE LIMIT", None, 5)
    ),
    *(
        ("submit_funding_offer", changed(OFFER, 1, bad), {})
        for bad in [*NO_FUNDING, None]
    ),
    *(
        ("submit_funding_offer", changed(OFFER, 2, bad), {})
        for bad in [*NO_NUMBERS, None, 0, "-0.0"]
    ),
    *(
        ("submit_funding_offer", changed(OFFER, 3, bad), {})
        for bad in [*NO_AMOUNTS, None]
    ),
    *(
        ("submit_funding_offer", ["FRRDELTAVAR", "fUSD", 150, bad, 2], {})
        for bad in [*NO_NUMBERS, None, -1, "-0.0000001"]
    ),
    *(
        ("submit_funding_offer", ["FRRDELTAFIX", "fUSD", 150, bad, 2], {})
        for bad in [*NO_NUMBERS, None]
    ),
    *(
        ("submit_funding_offer", changed(OFFER, 4, bad), {})
        for bad in [*NO_PERIODS, None]
    ),
    *(
        ("submit_funding_offer", OFFER, {"flags": bad})
        for bad in (1, -64, OrderFlag.POST_ONLY, 4096 + 64, "64", True)
    ),
    *(("cancel_funding_offer", [bad], {}) for bad in NO_IDS),
    *(("submit_funding_close", [bad], {}) for bad in NO_IDS),
    *(("cancel_all_funding_offers", [bad], {}) for bad in NO_CURRENCIES),
    # what goes on by itself
    *(("toggle_auto_renew", [bad, "USD"], {}) for bad in (2, -1, "1", None)),
    *(("toggle_auto_renew", [True, bad], {}) for bad in [*NO_CURRENCIES, None]),
    *(
        ("toggle_auto_renew", [True, "USD"], {name: bad})
        for name in ("amount", "rate")
        for bad in [*NO_NUMBERS, -1]
    ),
    *(("toggle_auto_renew", [True, "USD"], {"period": bad}) for bad in NO_PERIODS),
    ("toggle_keep_funding", ["loan"], {}),
    *(
        ("toggle_keep_funding", [bad], {"ids": [5]})
        for bad in ("", "credits", "LOAN", None)
    ),
    *(
        ("toggle_keep_funding", ["loan"], {"ids": bad})
        for bad in ([], [0], ["5"], "5", 5, {})
    ),
    *(
        ("toggle_keep_funding", ["loan"], {"changes": bad})
        for bad in (
            {},
            [],
            [5],
            "5",
            {0: 1},
            {"05": 1},
            {"-5": 1},
            {"x": 1},
            {5.0: 1},
            {True: 1},
            {5: 0},
            {5: 3},
            {5: True},
            {5: "1"},
            {5: 1, "5": 2},
            {5: None},
        )
    ),
    # collateral
    *(("set_derivative_position_collateral", [bad, 1], {}) for bad in NO_PAIRS),
    *(
        ("set_derivative_position_collateral", ["tBTCF0:USTF0", bad], {})
        for bad in [*NO_AMOUNTS, None]
    ),
    *(("get_derivative_position_collateral_limits", [bad], {}) for bad in NO_PAIRS),
    # alerts
    *(("get_alerts", [], {"type": bad}) for bad in ("", "volume", 5)),
    *(
        (method, [bad, 600], {})
        for method in ("set_alert", "delete_alert", "delete_alert_by_body")
        for bad in NO_PAIRS
    ),
    *(
        (method, ["tBTCUSD", bad], {})
        for method in ("set_alert", "delete_alert", "delete_alert_by_body")
        for bad in [*NO_AMOUNTS, None, "600/../x"]
    ),
    *(("set_alert", ["tBTCUSD", 600], {"type": bad}) for bad in ("", "volume", None)),
    *(("set_alert", ["tBTCUSD", 600], {"count": bad}) for bad in (0, -1, "1", None)),
    # settings
    *(
        (method, [bad], {})
        for method in ("get_settings", "delete_settings")
        for bad in NO_KEYS
    ),
    *(
        ("set_settings", [bad], {})
        for bad in (None, {}, [], "x", {5: 1}, {"x": 1}, {"api:x": 1, "api:/": 1})
    ),
    *(("get_core_settings", [bad], {}) for bad in (None, "x", [], {}, [""], [5])),
    # Pulse
    *(("get_pulse_history", [], {"is_public": bad}) for bad in (2, "1")),
    *(("get_pulse_history", [], {"parent": bad}) for bad in NO_TEXTS),
    *(("get_pulse_history", [], {"limit": bad}) for bad in (0, "5", True)),
    *(("get_pulse_history", [], {"end": bad}) for bad in (1_700_000_000, "x")),
    ("add_pulse", [None, "Words."], {}),
    *(("add_pulse", [bad, "Words."], {}) for bad in NO_TEXTS),
    *(("add_pulse", ["A title", bad], {}) for bad in [*NO_TEXTS, None]),
    *(
        ("add_pulse", ["A title", "Words."], bad)
        for bad in (
            {"parent": ""},
            {"is_public": 2},
            {"is_pin": "1"},
            {"attachments": []},
            {"attachments": "aGk="},
            {"attachments": [5]},
        )
    ),
    *(("delete_pulse", [bad], {}) for bad in [*NO_TEXTS, None]),
]


def refuse(method: str, arguments: Any, options: Any) -> str:
    """Return what the error says."""
    transport: Any = AnswerTransport([])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with pytest.raises(UsageError) as caught:
            getattr(AuthEndpoints(transport), method)(*arguments, **options)
    assert transport.requests == []
    return str(caught.value)


@pytest.mark.parametrize(
    "method, arguments, options",
    IMPOSSIBLE,
    ids=[f"{method}({args}, {options})" for method, args, options in IMPOSSIBLE],
)
def test_impossible_argument_raises_before_anything_is_sent(
    method: str, arguments: list[Any], options: dict[str, Any]
) -> None:
    refuse(method, arguments, options)


@pytest.mark.parametrize("method", POSSIBLE)
def test_no_argument_goes_out_unchecked_and_its_error_names_it(method: str) -> None:
    arguments, options = arguments_of(POSSIBLE[method])
    signature = inspect.signature(getattr(AuthEndpoints, method))
    possible = signature.bind(None, *arguments, **options).arguments
    for name in list(signature.parameters)[1:]:
        bound = inspect.BoundArguments(
            signature, OrderedDict({**possible, name: object()})
        )
        text = refuse(method, bound.args[1:], bound.kwargs)
        # A symbol is called that, whatever the name of its parameter.
        assert re.search(rf"\b{name}\b|^symbol must", text)


# --- what is sent -----------------------------------------------------------------------------


def sent(answer: Any, method: str, *arguments: Any, **options: Any) -> Any:
    """Return path and body of what a call sends."""
    transport: Any = AnswerTransport(answer)
    getattr(AuthEndpoints(transport), method)(*arguments, **options)
    ((_, path, kept),) = transport.requests
    return path, kept["body"]


@pytest.mark.parametrize(
    "price, text",
    [
        (600, "600"),
        (600.0, "600"),
        (0.5, "0.5"),
        (1e-7, "0.0000001"),
        (Decimal("600.10"), "600.1"),
        (Decimal("6E+2"), "600"),
        ("600", "600"),
        # As the key of an alert may have it.
        ("600.0", "600.0"),
    ],
)
def test_price_of_an_alert_is_written_as_in_its_key(price: Any, text: str) -> None:
    alert = [f"price:tBTCUSD:{text}", "price", "tBTCUSD", 1, 100]
    _, body = sent(alert, "set_alert", "tBTCUSD", price)
    assert body["price"] == text
    path, _ = sent([True], "delete_alert", "tBTCUSD", price)
    assert path == f"auth/w/alert/price:tBTCUSD:{text}/del"
    _, body = sent([True], "delete_alert_by_body", "tBTCUSD", price)
    assert body["price"] == text


def test_changes_of_what_is_kept_may_have_numbers_or_texts_as_ids() -> None:
    answer = [1575294374000, "fk-req", None, None, None, None, "SUCCESS", None]
    changes = {26190108: 1, "26190109": 2}
    path, body = sent(answer, "toggle_keep_funding", "credit", changes=changes)
    assert path == "auth/w/funding/keep"
    assert body["id"] == [26190108, 26190109]
    assert body["changes"] == {"26190108": 1, "26190109": 2}


# --- what an answer that succeeded is ---------------------------------------------------------


def answered(answer: Any, method: str, *arguments: Any) -> Any:
    transport: Any = AnswerTransport(answer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return getattr(AuthEndpoints(transport), method)(*arguments)


@pytest.mark.parametrize("answer", [[[0]], [0], [[2, None]]])
def test_r07_collateral_that_was_not_set_is_a_refusal(answer: Any) -> None:
    with pytest.raises(ApiError, match="not set") as caught:
        answered(answer, "set_derivative_position_collateral", "tBTCF0:USTF0", 5)
    assert type(caught.value) is ApiError
    assert caught.value.endpoint == "auth/w/deriv/collateral/set"
    assert caught.value.raw == answer


@pytest.mark.parametrize("answer", [None, [], [[]], [[None]], [None], {}, 1, [["x"]]])
def test_r07_answer_that_says_nothing_leaves_the_collateral_open(answer: Any) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        answered(answer, "set_derivative_position_collateral", "tBTCF0:USTF0", 5)
    assert caught.value.can_resolve
    assert caught.value.known == {"symbol": "tBTCF0:USTF0", "collateral": "5"}


@pytest.mark.parametrize("data", [None, "?", [], [None] * 21, {}])
def test_r07_offer_of_which_nothing_is_said(data: Any) -> None:
    answer = [1575293958819, "fon-req", None, None, data, None, "SUCCESS", "Submitting"]
    offer = ["LIMIT", "fUSD", 150, "0.0002", 2]
    if isinstance(data, list):
        found = answered(answer, "submit_funding_offer", *offer)
        assert (found.is_success, found.data.id) == (True, None)
        return
    with pytest.raises(OutcomeUnknown) as caught:
        answered(answer, "submit_funding_offer", *offer)
    assert caught.value.can_resolve


def test_offer_may_come_in_a_list() -> None:
    row = [41238934, None, None, None, 500]
    answer = [1575293958, "fon-req", None, None, [row], None, "SUCCESS", "Submitting"]
    found = answered(answer, "submit_funding_offer", "LIMIT", "fUSD", 500, "0.0002", 2)
    assert (found.data.id, found.data.amount, found.more) == (41238934, 500.0, [])
    assert found.mts == 1575293958000


@pytest.mark.parametrize(
    "data, number",
    [([3], 3), ([[3]], 3), (["3"], 3), ([], None), ([None], None)],
    ids=repr,
)
def test_number_of_settings_is_read_where_it_stands(data: Any, number: Any) -> None:
    answer = [1573521810000, "acc_ss", None, None, data, None, "SUCCESS", None]
    found = answered(answer, "set_settings", {"api:x": 1})
    assert found.data.number_of_settings == number


@pytest.mark.parametrize("data", [None, 3, "3", {}, ["x"], [True]], ids=repr)
def test_r07_settings_are_written_whatever_stands_there(data: Any) -> None:
    answer = [1573521810000, "acc_sd", None, None, data, None, "SUCCESS", None]
    found = answered(answer, "delete_settings", ["api:x"])
    assert (found.is_success, found.data, found.raw) == (True, None, answer)


@pytest.mark.parametrize(
    "answer, deleted", [(1, True), ([1], True), (True, True), ([0], False), (0, False)]
)
def test_deletion_of_a_message_is_true_or_false(answer: Any, deleted: bool) -> None:
    assert answered(answer, "delete_pulse", "d139512b") is deleted


@pytest.mark.parametrize("answer", [None, [], 2, "1", [None], {}, [1.0]])
def test_r07_deletion_of_which_nothing_is_said_is_left_open(answer: Any) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        answered(answer, "delete_pulse", "d139512b")
    assert isinstance(caught.value.__cause__, RemoteError)
    assert caught.value.raw == answer
