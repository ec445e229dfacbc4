"""Account and merchants: what can never work is refused before anything is sent."""

from __future__ import annotations

import inspect
import re
import traceback
import warnings
from collections import OrderedDict
from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from bfxsync.errors import OutcomeUnknown, RemoteError, UsageError
from bfxsync.rest.auth import AuthEndpoints
from bfxsync.rest.client import RestClient
from bfxsync.rest.merchant import MerchantEndpoints

from .tables import AnswerTransport, arguments_of, rows_of

FACES: dict[str, Any] = {"auth": AuthEndpoints, "merchant": MerchantEndpoints}

POSSIBLE = {
    (row["on"], row["call"][0]): row for row in rows_of("auth-requests-account.jsonl")
}

SENTINEL = "sentinel 981273"

NO_AMOUNTS: list[Any] = ["", "x", 0, "0", -1, "-0.5", True, float("nan"), "1e99", None]
NO_TOKENS: list[Any] = ["", " ", "a b", "abc\n", 5, b"abc", ["abc"], None]
NO_TEXTS: list[Any] = ["", " ", 5, ["abc"]]
NO_SWITCHES: list[Any] = [2, "true", 1.5, []]
NO_IDS: list[Any] = [0, -1, "5", 5.0, True, 2**63]
NO_PAY_CURRENCIES: list[Any] = ["", "btc", "UST-", "-ETH", "UST ETH", "U", 5, None]
NO_TIMES: list[Any] = ["2024-01-01", True, 1_700_000_000, datetime(2024, 1, 1)]
NO_PARTS: list[Any] = ["", "a/b", "..", ".", "a b", "a?b", "a#b", "ä", 5, None]

CUSTOMER = {
    "nationality": "DE",
    "residCountry": "GB",
    "residCity": "London",
    "residZipCode": "WC2H 7NA",
    "residStreet": "5-6 Leicester Square",
    "fullName": "John Doe",
    "email": "john@example.com",
}
INVOICE = ["1.5", "USD", "test", CUSTOMER, ["BTC"]]
POS_INVOICE = ["1.5", "USD", "test", ["BTC"]]
RECURRING = ["savings", "tBTCUSD", "USD", "buy", "50", "weekly"]
ENDLESS = {"endless": True}
DAY_MS = 86_400_000
T0 = 1_678_465_320_000


def changed(arguments: list[Any], index: int, value: Any) -> list[Any]:
    return [*arguments[:index], value, *arguments[index + 1 :]]


IMPOSSIBLE: list[tuple[str, str, list[Any], dict[str, Any]]] = [
    # histories
    *(
        ("auth", method, [], {"limit": bad})
        for method, most in (("get_login_history", 250), ("get_changelog_history", 500))
        for bad in (0, -1, most + 1, "5", 5.0, True)
    ),
    *(("merchant", "get_invoices", [], {"limit": bad}) for bad in (0, 101, "5", True)),
    *(
        (on, method, [], {name: bad})
        for on, method in (
            ("auth", "get_login_history"),
            ("auth", "get_changelog_history"),
            ("merchant", "get_invoices"),
        )
        for name in ("start", "end")
        for bad in NO_TIMES
    ),
    *(
        (on, method, [], {"start": T0 + 1, "end": T0})
        for on, method in (
            ("auth", "get_login_history"),
            ("auth", "get_changelog_history"),
            ("merchant", "get_invoices"),
        )
    ),
    # tokens
    *(("auth", "generate_token", [], {"scope": b}) for b in ("", "web", None, 5)),
    *(("auth", "generate_token", [], {"ttl": b}) for b in (0, -1, "120", 1.5, True)),
    *(
        ("auth", "generate_token", [], {"caps": b})
        for b in ([], "a", ["x"], [""], [None], 5, {"a": 1})
    ),
    ("auth", "generate_token", [], {"caps": ["a", "wd"]}),
    ("auth", "generate_token", [], {"caps": ["wd"], "write_permission": False}),
    *(("auth", "generate_token", [], {"write_permission": b}) for b in NO_SWITCHES),
    *(("auth", "generate_token", [], {"cust_ip": b}) for b in NO_TOKENS[:-1]),
    *(("auth", "invalidate_token", [b], {}) for b in [*NO_TOKENS, SENTINEL]),
    # recurring orders
    *(
        ("auth", "create_recurring_order", changed(RECURRING, index, None), ENDLESS)
        for index in range(len(RECURRING))
    ),
    *(
        ("auth", "create_recurring_order", changed(RECURRING, index, bad), ENDLESS)
        for index, wrong in (
            (0, NO_TEXTS),
            (1, ["BTC-USD", "fUSD", "", 5]),
            (2, ["usd", "", "fUSD", 5]),
            (3, ["BUY", "", "long", 5]),
            (4, NO_AMOUNTS),
            (5, ["hourly", "", "Daily", 5]),
        )
        for bad in wrong
    ),
    # For ever only if it is said.
    ("auth", "create_recurring_order", RECURRING, {}),
    ("auth", "create_recurring_order", RECURRING, {"endless": False}),
    ("auth", "create_recurring_order", RECURRING, {"started_at": "2026-01-31"}),
    (
        "auth",
        "create_recurring_order",
        RECURRING,
        {"endless": True, "ended_at": "2026-01-31"},
    ),
    *(
        ("auth", "create_recurring_order", RECURRING, {**ENDLESS, "started_at": bad})
        for bad in (
            "",
            "tomorrow",
            "2026-1-31",
            "31.01.2026",
            T0,
            datetime(2026, 1, 31),
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
        )
    ),
    *(
        ("auth", "create_recurring_order", RECURRING, {"ended_at": bad})
        for bad in ("", "never", "2026-01-31T12", 5, datetime(2026, 1, 31))
    ),
    *(
        ("auth", "create_recurring_order", RECURRING, {"endless": bad})
        for bad in NO_SWITCHES
    ),
    *(
        ("auth", method, [bad], options)
        for method, options in (
            ("get_recurring_order", {}),
            ("cancel_recurring_order", {}),
            ("update_recurring_order", {"amount": 1}),
        )
        for bad in NO_PARTS
    ),
    ("auth", "update_recurring_order", ["6f6f"], {}),
    *(
        ("auth", "update_recurring_order", ["6f6f"], bad)
        for bad in (
            {"alias": ""},
            {"symbol": "BTC-USD"},
            {"currency": "usd"},
            {"action": "long"},
            {"amount": 0},
            {"recurrence": "hourly"},
            {"ended_at": "never"},
            {"endless": "true"},
            {"endless": True, "ended_at": "2026-01-31"},
        )
    ),
    *(
        ("auth", method, [], bad)
        for method in ("get_recurring_orders", "get_recurring_order_orders")
        for bad in (
            {"page": -1},
            {"page": "1"},
            {"limit": 0},
            {"limit": True},
            {"sort_field": ""},
            {"sort_order": "up"},
            {"filter": []},
            {"filter": "x"},
        )
    ),
    *(
        ("auth", "get_recurring_order_orders", [], {"algo_order_id": bad})
        for bad in NO_PARTS[:-1]
    ),
    # invoices
    *(
        ("merchant", method, changed(arguments, index, bad), {})
        for method, arguments, last in (
            ("submit_invoice", INVOICE, 4),
            ("submit_pos_invoice", POS_INVOICE, 3),
        )
        for index, wrong in (
            (0, NO_AMOUNTS),
            (1, ["", "usd", "U", 5, None]),
            (2, [*NO_TEXTS, None]),
            (last, [[], "BTC", ["btc"], [None], 5, None, {"BTC": 1}]),
        )
        for bad in wrong
    ),
    *(
        ("merchant", method, arguments, bad)
        for method, arguments in (
            ("submit_invoice", INVOICE),
            ("submit_pos_invoice", POS_INVOICE),
        )
        for bad in (
            {"duration": 299},
            {"duration": 259_201},
            {"duration": "900"},
            {"duration": True},
            {"webhook": ""},
            {"webhook": "https://a b"},
            {"redirect_url": 5},
            {"meta": []},
            {"meta": "x"},
        )
    ),
    *(
        ("merchant", "submit_invoice", changed(INVOICE, 3, bad), {})
        for bad in (
            None,
            SENTINEL,
            [],
            {},
            {5: SENTINEL},
            *({**CUSTOMER, "fullName": SENTINEL, key: ""} for key in CUSTOMER),
            *({**CUSTOMER, key: None} for key in CUSTOMER),
            {**CUSTOMER, "email": 5},
            {key: value for key, value in CUSTOMER.items() if key != "email"},
        )
    ),
    *(
        ("merchant", method, [bad, *rest], {})
        for method, rest in (
            ("complete_invoice", ["BTC"]),
            ("expire_invoice", []),
            ("get_invoice_events", []),
            ("mark_invoice_refunded", ["5"]),
            ("refund_invoice", ["BTC", 1, "0xabc"]),
        )
        for bad in NO_TOKENS
    ),
    *(("merchant", "complete_invoice", ["0a1b", bad], {}) for bad in NO_PAY_CURRENCIES),
    *(
        ("merchant", "complete_invoice", ["0a1b", "BTC"], {name: bad})
        for name in ("deposit_id", "ledger_id")
        for bad in NO_IDS
    ),
    *(
        ("merchant", "complete_invoice", ["0a1b", "BTC"], {"deposit_ids": bad})
        for bad in ([], [0], ["5"], 5, "5")
    ),
    *(
        ("merchant", "complete_invoice", ["0a1b", "BTC"], bad)
        for bad in (
            {"deposit_id": 5, "ledger_id": 6},
            {"deposit_id": 5, "deposit_ids": [6]},
            {"deposit_ids": [5], "ledger_id": 6},
            {"deposit_id": 4, "deposit_ids": [5], "ledger_id": 6},
        )
    ),
    *(("merchant", "get_invoices", [], {"id": bad}) for bad in NO_TOKENS[:-1]),
    *(
        ("merchant", "get_invoices_paginated", [], bad)
        for bad in (
            {"page": 0},
            {"page": None},
            {"page": "1"},
            {"page_size": 0},
            {"page_size": 101},
            {"page_size": True},
            {"sort": "ASC"},
            {"sort": None},
            {"sort_field": "id"},
            {"status": []},
            {"status": "CREATED"},
            {"status": ["created"]},
            {"fiat": []},
            {"fiat": ["usd"]},
            {"fiat": "USD"},
            {"crypto": []},
            {"crypto": ["btc"]},
            {"id": ""},
            {"order_id": " "},
            {"order_id": 5},
        )
    ),
    *(
        ("merchant", "get_invoice_count_stats", bad, {})
        for bad in (["DONE", "W"], [None, "W"], ["CREATED", "w"], ["CREATED", None])
    ),
    *(
        ("merchant", "get_invoice_earning_stats", bad, {})
        for bad in (["usd", "W"], [None, "W"], ["USD", "Y-M-D"], ["USD", None])
    ),
    # what was formerly
    ("merchant", "update_invoice", ["0a1b"], {}),
    *(("merchant", "update_invoice", [b], {"private_note": "x"}) for b in NO_TOKENS),
    *(("merchant", "update_invoice", ["0a1b"], {"fields": b}) for b in ([], "x", 5)),
    *(("merchant", "update_invoice", ["0a1b"], {"private_note": b}) for b in NO_TEXTS),
    *(
        ("merchant", "refund_invoice", ["0a1b", bad, 1, "0xabc"], {})
        for bad in NO_PAY_CURRENCIES
    ),
    *(
        ("merchant", "refund_invoice", ["0a1b", "BTC", bad, "0xabc"], {})
        for bad in NO_AMOUNTS
    ),
    *(
        ("merchant", "refund_invoice", ["0a1b", "BTC", 1, bad], {})
        for bad in [*NO_TOKENS, SENTINEL]
    ),
    *(
        ("merchant", "refund_invoice", ["0a1b", "XRP", 1, "r"], {"payment_id": bad})
        for bad in NO_TOKENS[:-1]
    ),
    *(("merchant", "mark_invoice_refunded", ["0a1b", bad], {}) for bad in NO_TOKENS),
    *(("merchant", "get_pay_currencies", [], {"detailed": b}) for b in NO_SWITCHES),
    *(("merchant", "get_pay_currencies", [], {"id": b}) for b in NO_TOKENS[:-1]),
    *(
        ("merchant", "get_pay_currencies_detailed", [], {"detailed": b})
        for b in NO_SWITCHES
    ),
    # settings
    *(
        ("merchant", method, arguments, {})
        for method in ("add_currency_conversion", "remove_currency_conversion")
        for bad in NO_PAY_CURRENCIES
        for arguments in ([bad, "BTC"], ["UST", bad])
    ),
    *(
        ("merchant", "get_merchant_limits", [], {"customer_emails": bad})
        for bad in ([], SENTINEL, [SENTINEL], [5], 5, {SENTINEL: 1})
    ),
    *(
        ("merchant", method, [bad, *rest], {})
        for method, rest in (
            ("set_merchant_settings", ["x"]),
            ("get_merchant_settings", []),
        )
        for bad in ("", "preferred_fiat", "bfx_pay_", "bfx_pay_A b", 5, None)
    ),
    *(
        ("merchant", "set_merchant_settings", ["bfx_pay_merchant_fee", bad], {})
        for bad in (None, [], {}, b"x", float("nan"), float("inf"))
    ),
    *(
        ("merchant", "set_merchant_settings_batch", [bad], {})
        for bad in (
            None,
            {},
            [],
            "x",
            {"fee": 1},
            {5: 1},
            {"bfx_pay_merchant_fee": []},
            {"bfx_pay_merchant_fee": float("nan")},
        )
    ),
    *(
        ("merchant", "list_merchant_settings", [bad], {})
        for bad in ([], "bfx_pay_merchant_fee", ["fee"], [None], 5, {})
    ),
    # deposits
    *(
        ("merchant", "get_deposits", arguments, {})
        for bad in NO_TIMES
        for arguments in ([bad], [None, bad])
    ),
    ("merchant", "get_deposits", [T0 + 1, T0], {}),
    ("merchant", "get_deposits", [T0], {"id": 5}),
    ("merchant", "get_deposits", [None, T0], {"id": 5}),
    *(("merchant", "get_deposits", [], {"id": bad}) for bad in NO_IDS),
    *(("merchant", "get_deposits", [], {"ccy": b}) for b in NO_PAY_CURRENCIES[:-1]),
    *(("merchant", "get_deposits", [], {"unlinked": bad}) for bad in NO_SWITCHES),
    *(("merchant", "get_unlinked_deposits", [bad], {}) for bad in NO_PAY_CURRENCIES),
    *(
        ("merchant", "get_unlinked_deposits", ["BTC"], {name: bad})
        for name in ("start", "end")
        for bad in NO_TIMES
    ),
    *(
        ("merchant", "get_unlinked_deposits", ["BTC"], bad)
        for bad in (
            {"start": 1_614_758_399_999},
            {"start": T0, "end": T0 - 1},
            {"start": T0, "end": T0 + 2 * DAY_MS + 1},
        )
    ),
]


def call(on: str, method: str, arguments: Any, options: Any, transport: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return getattr(FACES[on](transport), method)(*arguments, **options)


def refuse(on: str, method: str, arguments: Any, options: Any) -> str:
    """Return what the error says."""
    transport = AnswerTransport([])
    with pytest.raises(UsageError) as caught:
        call(on, method, arguments, options, transport)
    assert transport.requests == []
    assert "sentinel" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "on, method, arguments, options",
    IMPOSSIBLE,
    ids=[f"{method}({args}, {options})" for _, method, args, options in IMPOSSIBLE],
)
def test_impossible_argument_raises_before_anything_is_sent(
    on: str, method: str, arguments: list[Any], options: dict[str, Any]
) -> None:
    refuse(on, method, arguments, options)


@pytest.mark.parametrize("on, method", POSSIBLE)
def test_no_argument_goes_out_unchecked_and_its_error_names_it(
    on: str, method: str
) -> None:
    arguments, options = arguments_of(POSSIBLE[on, method])
    signature = inspect.signature(getattr(FACES[on], method))
    possible = signature.bind(None, *arguments, **options).arguments
    for name in list(signature.parameters)[1:]:
        bound = inspect.BoundArguments(
            signature, OrderedDict({**possible, name: object()})
        )
        text = refuse(on, method, bound.args[1:], bound.kwargs)
        assert re.search(rf"\b{name}\b", text)


@pytest.mark.parametrize(
    "given, sent",
    [
        ("2026-01-31", "2026-01-31"),
        ("2026-01-31T12:00:00.5Z", "2026-01-31T12:00:00.5Z"),
        (date(2026, 1, 31), "2026-01-31"),
        (datetime(2026, 1, 31, 12, tzinfo=timezone.utc), "2026-01-31T12:00:00.000Z"),
        (
            datetime(2026, 1, 31, 1, tzinfo=timezone(timedelta(hours=3))),
            "2026-01-30T22:00:00.000Z",
        ),
    ],
)
def test_times_of_recurring_orders_are_sent_as_utc(given: Any, sent: str) -> None:
    transport: Any = AnswerTransport({"algoOrderId": "6f6f"})
    AuthEndpoints(transport).create_recurring_order(*RECURRING, ended_at=given)
    ((_, _, options),) = transport.requests
    assert options["body"]["endedAt"] == sent


def test_two_days_of_unlinked_deposits_can_be_asked_for() -> None:
    transport: Any = AnswerTransport([])
    merchant = MerchantEndpoints(transport)
    assert merchant.get_unlinked_deposits("BTC", start=T0, end=T0 + 2 * DAY_MS) == []


def test_merchant_is_made_when_it_is_used_first() -> None:
    with RestClient() as client:
        assert type(client.merchant) is MerchantEndpoints
        assert client.merchant is client.merchant
        with pytest.raises(UsageError):
            client.merchant.get_invoices()


# --- tokens -----------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", ["pub:api:sentinel", ["", "sentinel"], {}, [], None])
def test_r15_answer_that_is_no_token_leaves_it_open_and_shows_nothing(
    answer: Any,
) -> None:
    transport: Any = AnswerTransport(answer)
    with pytest.raises(OutcomeUnknown) as caught:
        AuthEndpoints(transport).generate_token(caps=["a"])
    error = caught.value
    assert error.known == {"scope": "api", "caps": ["a"]}
    assert not error.can_resolve and "again" in str(error.hint)
    shown = "".join(traceback.format_exception(type(error), error, None))
    assert "sentinel" not in shown + repr(error.raw)


@pytest.mark.parametrize("status", ["CREATED", "PENDING", "COMPLETED", "EXPIRED"])
def test_invoices_of_every_status_can_be_counted(status: str) -> None:
    transport: Any = AnswerTransport([])
    FACES["merchant"](transport).get_invoice_count_stats(status, "D")
    assert transport.requests[0][2]["body"]["status"] == status


def test_token_can_be_asked_for_everything() -> None:
    transport: Any = AnswerTransport(["token"])
    caps = ["a", "o", "f", "s", "w", "wd", "bp"]
    AuthEndpoints(transport).generate_token(caps=caps, write_permission=True)
    assert transport.requests[0][2]["body"]["caps"] == caps


def test_r15_token_that_is_ended_shows_in_no_error() -> None:
    class Lost(AnswerTransport):
        def request(self, method: str, path: str, **options: Any) -> Any:
            raise OutcomeUnknown("lost", phase="receive")

    transport: Any = Lost()
    with pytest.raises(OutcomeUnknown) as caught:
        AuthEndpoints(transport).invalidate_token("pub:api:sentinel")
    assert caught.value.known == {}
    assert "sentinel" not in str(caught.value) + repr(caught.value)


# --- writes of merchants ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer, wanted",
    [
        (True, True),
        (False, False),
        (1, True),
        (0, False),
        ([True], True),
        ([1], True),
        ([0], False),
    ],
)
def test_answer_of_a_setting_is_true_or_false(answer: Any, wanted: bool) -> None:
    transport: Any = AnswerTransport(answer)
    merchant = MerchantEndpoints(transport)
    assert merchant.add_currency_conversion("UST", "BTC") is wanted
    assert merchant.set_merchant_settings("bfx_pay_merchant_fee", "0.1") is wanted


@pytest.mark.parametrize("answer", [None, "true", 2, [], [1, 1], {}, {"ok": 1}, 1.0])
def test_r07_any_other_answer_leaves_a_setting_open(answer: Any) -> None:
    transport: Any = AnswerTransport(answer)
    with pytest.raises(OutcomeUnknown) as caught:
        MerchantEndpoints(transport).remove_currency_conversion("UST", "BTC")
    assert caught.value.raw == answer
    assert caught.value.known == {"baseCcy": "UST", "convertCcy": "BTC"}


@pytest.mark.parametrize("answer", [None, [], "x", {}, {"t": 1}])
@pytest.mark.parametrize(
    "method, arguments",
    [
        ("submit_invoice", INVOICE),
        ("submit_pos_invoice", POS_INVOICE),
        ("complete_invoice", ["0a1b", "BTC"]),
        ("expire_invoice", ["0a1b"]),
    ],
)
def test_r07_answer_that_is_no_invoice_leaves_a_write_open(
    method: str, arguments: list[Any], answer: Any
) -> None:
    transport: Any = AnswerTransport(answer)
    with pytest.raises(OutcomeUnknown) as caught:
        call("merchant", method, arguments, {}, transport)
    assert caught.value.raw == answer
    assert "get_invoices" in str(caught.value.hint)
    assert isinstance(caught.value.__cause__, RemoteError)


def test_customer_shows_in_no_error() -> None:
    transport: Any = AnswerTransport({})
    customer = {**CUSTOMER, "fullName": SENTINEL}
    with pytest.raises(OutcomeUnknown) as caught:
        MerchantEndpoints(transport).submit_invoice(*changed(INVOICE, 3, customer))
    assert caught.value.known["orderId"] == "test"
    assert "customerInfo" not in caught.value.known
    assert "sentinel" not in str(caught.value) + repr(caught.value)


@pytest.mark.parametrize("answer", [None, [], {}, {"new": 1}, "6f6f"])
def test_r07_answer_that_is_no_recurring_order_leaves_it_open(answer: Any) -> None:
    transport: Any = AnswerTransport(answer)
    with pytest.raises(OutcomeUnknown, match="recurring-ao/create") as caught:
        AuthEndpoints(transport).create_recurring_order(*RECURRING, **ENDLESS)
    assert caught.value.raw == answer
    assert caught.value.known["amount"] == "50"


def test_settings_that_are_no_object_are_a_remote_error() -> None:
    transport: Any = AnswerTransport(["USD"])
    with pytest.raises(RemoteError) as caught:
        MerchantEndpoints(transport).list_merchant_settings()
    assert caught.value.endpoint == "auth/r/ext/pay/settings/list"


# --- the order of invoices --------------------------------------------------------------------


def invoices(*times: int) -> list[Any]:
    return [
        {"id": str(t), "t": T0 + t, "amount": 1, "currency": "USD", "status": "CREATED"}
        for t in times
    ]


def test_invoices_that_come_oldest_first_are_an_error_and_not_a_gap() -> None:
    transport: Any = AnswerTransport(invoices(1, 2, 3))
    merchant = MerchantEndpoints(transport)
    with pytest.raises(RemoteError, match="get_invoices_paginated") as caught:
        list(merchant.iter_invoices(limit=3))
    assert caught.value.endpoint == "auth/r/ext/pay/invoices"


class OldestFirst(AnswerTransport):
    """Answers with the oldest invoices of the range, `most` at once."""

    most = 100

    def request(self, method: str, path: str, **options: Any) -> Any:
        super().request(method, path, **options)
        body = options["body"]
        start, end = body["start"] or 0, body["end"] or 10**15
        chosen = [row for row in self.answer if start <= row["t"] <= end]
        return chosen[: min(body["limit"], self.most)]


def test_order_of_invoices_that_fit_on_one_page_does_not_matter() -> None:
    transport: Any = OldestFirst(invoices(1, 2, 3))
    found = list(MerchantEndpoints(transport).iter_invoices())
    assert [invoice.t - T0 for invoice in found] == [3, 2, 1]


def test_short_page_of_the_oldest_invoices_is_an_error() -> None:
    transport: Any = OldestFirst(invoices(1, 2, 3))
    transport.most = 2
    with pytest.raises(RemoteError, match="get_invoices_paginated"):
        list(MerchantEndpoints(transport).iter_invoices())
