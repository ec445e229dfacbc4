"""Wallets, positions, transfers: what can never work is refused before anything is sent."""

from __future__ import annotations

import inspect
import re
from collections import OrderedDict
from datetime import datetime
from typing import Any

import pytest

from bfxsync.errors import ApiError, OutcomeUnknown, RemoteError, UsageError
from bfxsync.models.transfers import DepositAddressItem
from bfxsync.rest.auth import AuthEndpoints

from .tables import AnswerTransport, arguments_of, rows_of

POSSIBLE = {row["call"][0]: row for row in rows_of("auth-requests-balances.jsonl")}

TFA = {"method": "otp", "token": "sentinel-981273"}

DATES: list[dict[str, Any]] = [
    {"start": "2024-01-01"},
    {"start": True},
    {"start": 1_700_000_000},
    {"end": 1_700_000_000_000_000},
    {"end": datetime(2024, 1, 1)},
    {"start": 1_700_000_000_001, "end": 1_700_000_000_000},
]

PAGED = {
    "get_ledgers": 2500,
    "get_movements": 2500,
    "get_positions_history": 50,
    "get_positions_snapshot": 500,
    "get_positions_audit": 250,
}

NO_PAIRS = ["BTC-USD", "fUSD", "", "base", "sym_all", "tBTCUSD/../x", None, 5]
NO_CURRENCIES = ["", "usd", "fUSD", "U", "USD/..", 5, ["USD"]]
NO_WALLETS = ["", "Exchange", "savings", None, 5]
NO_AMOUNTS: list[Any] = ["", "x", 0, "0", -1, "-0.5", True, float("nan"), "1e99", []]
NO_TOKENS: list[Any] = ["", " ", "a b", "abc ", "\tabc", "abc\n", 5, b"abc", ["abc"]]
NO_IDS: list[Any] = [0, -1, "5", 5.0, True, 2**63]
NO_TFAS: list[Any] = ["sentinel-981273", {}, {5: "sentinel-981273"}, 5, []]

TRANSFER = ["exchange", "margin", "UST", "USTF0", "1.5"]
TO_SELF = ["exchange", "exchange", "UST", None, "1.5"]
WITHDRAWAL = ["exchange", "bitcoin", "1BoatSLRHtKNngkdXEeobR76b53LETtpyT", "0.5"]
AVAILABLE = ["tBTCUSD", "EXCHANGE"]
BUY: dict[str, Any] = {"dir": 1, "rate": 8000}


def changed(arguments: list[Any], index: int, bad: Any) -> list[Any]:
    return [*arguments[:index], bad, *arguments[index + 1 :]]


IMPOSSIBLE: list[tuple[str, list[Any], dict[str, Any]]] = [
    *((method, [], bad) for method in PAGED for bad in DATES),
    *(
        (method, [], {"limit": bad})
        for method, maximum in PAGED.items()
        for bad in (0, -1, maximum + 1, "5", 5.0, True)
    ),
    # wallets
    *(("get_wallets_history", [], {"currency": bad}) for bad in NO_CURRENCIES),
    ("get_wallets_history", [], {"end": 1_700_000_000}),
    *(
        (method, [bad], {})
        for method in ("get_ledgers", "iter_ledgers")
        for bad in NO_CURRENCIES
    ),
    *(
        (method, [], {"category": bad})
        for method in ("get_ledgers", "iter_ledgers")
        for bad in (0, -1, 10_000, "51", 51.0, True)
    ),
    *(
        (method, [], {"wallet": bad})
        for method in ("get_ledgers", "iter_ledgers")
        for bad in ("", "trading", 5, ["margin"])
    ),
    ("get_balance_available_for_orders_or_offers", AVAILABLE, {}),
    ("get_balance_available_for_orders_or_offers", AVAILABLE, {"dir": 1}),
    ("get_balance_available_for_orders_or_offers", AVAILABLE, {"rate": 8000}),
    ("get_balance_available_for_orders_or_offers", ["tBTCUSD", "MARGIN"], {}),
    ("get_balance_available_for_orders_or_offers", AVAILABLE, {**BUY, "lev": 10}),
    ("get_balance_available_for_orders_or_offers", ["fUSD", "EXCHANGE"], BUY),
    ("get_balance_available_for_orders_or_offers", ["tBTCUSD", "FUNDING"], {}),
    *(
        ("get_balance_available_for_orders_or_offers", AVAILABLE, {**BUY, **bad})
        for bad in (
            {"dir": 0},
            {"dir": True},
            {"dir": "1"},
            {"dir": 1.0},
            {"rate": 0},
            {"rate": -1},
        )
    ),
    *(
        ("get_balance_available_for_orders_or_offers", ["tBTCUSD", bad], BUY)
        for bad in ("", "exchange", "EXCHANGE LIMIT", None)
    ),
    ("get_balance_available_for_orders_or_offers", ["tX1", "DERIV"], {"lev": 0}),
    # positions and margin
    *(("get_symbol_margin_info", [bad], {}) for bad in NO_PAIRS),
    *(("get_increase_position_info", [bad], {}) for bad in NO_PAIRS),
    *(("get_increase_position_info", ["tBTCUSD", bad], {}) for bad in (0, "x", True)),
    *(("increase_position", [bad, 1], {}) for bad in NO_PAIRS),
    *(("increase_position", ["tBTCUSD", bad], {}) for bad in (0, "x", True, None)),
    *(("claim_position", [bad], {}) for bad in NO_IDS),
    *(("claim_position", [5], {"amount": bad}) for bad in (0, "x", True)),
    *(("update_position_funding_type", [bad, 0], {}) for bad in NO_PAIRS),
    *(
        ("update_position_funding_type", ["tBTCUSD", bad], {})
        for bad in (2, -1, "0", True, None)
    ),
    *(
        (method, [], {"id": bad})
        for method in (
            "get_positions_history",
            "get_positions_snapshot",
            "iter_positions_snapshot",
        )
        for bad in NO_IDS
    ),
    *(
        (method, [], {"ids": bad})
        for method in ("get_positions_audit", "iter_positions_audit", "get_movements")
        for bad in ([], [0], ["5"], "5", 5, {})
    ),
    # movements and addresses
    *(
        (method, [], {"currency": bad})
        for method in ("get_movements", "iter_movements")
        for bad in NO_CURRENCIES
    ),
    *(
        (method, [], {"address": bad})
        for method in ("get_movements", "iter_movements")
        for bad in NO_TOKENS
    ),
    *(("get_movement_info", [bad], {}) for bad in NO_IDS),
    *(
        (method, [bad], {})
        for method in ("get_deposit_addresses", "iter_deposit_addresses")
        for bad in [*NO_TOKENS, None]
    ),
    *(("get_deposit_addresses", ["x"], {"page": bad}) for bad in (0, -1, "1", 1.0)),
    *(
        (method, ["x"], {"page_size": bad})
        for method in ("get_deposit_addresses", "iter_deposit_addresses")
        for bad in (0, 19, 101, "20", 20.0)
    ),
    ("iter_deposit_addresses", ["x"], {"page_size": None}),
    *(("get_lightning_payments", [bad], {}) for bad in ("", "getPayments", None, 5)),
    *(
        ("get_lightning_payments", ["getPaymentsByUser", bad], {})
        for bad in ("x", 5, [], {5: 1}, {"offset": -1}, {"offset": "1"}, {"txid": ""})
    ),
    *(
        ("get_lightning_payments", [action, bad], {})
        for action in ("getInvoiceById", "getPaymentById")
        for bad in (None, {}, {"txid": None}, {"txid": " "}, {"offset": 5})
    ),
    # transfers
    *(("transfer_between_wallets", changed(TRANSFER, 0, b), {}) for b in NO_WALLETS),
    *(("transfer_between_wallets", changed(TRANSFER, 1, b), {}) for b in NO_WALLETS),
    *(("transfer_between_wallets", changed(TRANSFER, 2, b), {}) for b in NO_CURRENCIES),
    *(("transfer_between_wallets", changed(TRANSFER, 3, b), {}) for b in NO_CURRENCIES),
    *(
        ("transfer_between_wallets", changed(TRANSFER, 4, b), {})
        for b in [*NO_AMOUNTS, None]
    ),
    ("transfer_between_wallets", TO_SELF, {}),
    ("transfer_between_wallets", changed(TO_SELF, 3, "UST"), {}),
    ("transfer_between_wallets", ["margin", "trading", "UST", None, 1], {}),
    ("transfer_between_wallets", ["deposit", "funding", "UST", None, 1], {}),
    (
        "transfer_between_wallets",
        TRANSFER,
        {"email_dst": "a@example.com", "user_id_dst": 5},
    ),
    *(("transfer_between_wallets", TRANSFER, {"email_dst": b}) for b in NO_TOKENS),
    *(("transfer_between_wallets", TRANSFER, {"user_id_dst": b}) for b in NO_IDS),
    *(("transfer_between_wallets", TRANSFER, {"tfa_token": b}) for b in NO_TFAS),
    # withdrawals
    *(("submit_wallet_withdrawal", changed(WITHDRAWAL, 0, b), {}) for b in NO_WALLETS),
    *(
        ("submit_wallet_withdrawal", changed(WITHDRAWAL, index, bad), {})
        for index in (1, 2)
        for bad in [*NO_TOKENS, None]
    ),
    *(
        ("submit_wallet_withdrawal", changed(WITHDRAWAL, 3, b), {})
        for b in [*NO_AMOUNTS, None]
    ),
    ("submit_wallet_withdrawal", ["exchange", "bitcoin"], {}),
    ("submit_wallet_withdrawal", WITHDRAWAL, {"invoice": "lnbc1"}),
    ("submit_wallet_withdrawal", ["exchange", "lnx"], {"invoice": "ln bc"}),
    (
        "submit_wallet_withdrawal",
        ["exchange", "lnx"],
        {"invoice": "lnbc1", "amount": 1},
    ),
    *(
        ("submit_wallet_withdrawal", WITHDRAWAL, bad)
        for bad in (
            {"payment_id": ""},
            {"payment_id": 12345},
            {"fee_deduct": "1"},
            {"fee_deduct": 2},
            {"note": " "},
            {"travel_rule_tos": "true"},
            {"beneficiary_self": 5},
            {"vasp_did": ""},
            {"vasp_name": 5},
            {"dest_firstname": "John"},
            {"dest_lastname": "Doe"},
            {"dest_firstname": "", "dest_lastname": "Doe"},
            {"dest_firstname": "J", "dest_lastname": "D", "dest_corp_name": "C"},
            {"dest_corp_name": ""},
        )
    ),
    # deposits
    *(("get_deposit_address", [bad, "bitcoin"], {}) for bad in NO_WALLETS),
    *(("get_deposit_address", ["exchange", bad], {}) for bad in [*NO_TOKENS, None]),
    *(("get_deposit_address", ["exchange", "x", b], {}) for b in (2, "1", None)),
    *(("generate_deposit_invoice", [bad, "LNX", 1], {}) for bad in NO_WALLETS),
    *(
        ("generate_deposit_invoice", ["exchange", bad, 1], {})
        for bad in [*NO_CURRENCIES, None]
    ),
    *(
        ("generate_deposit_invoice", ["exchange", "LNX", bad], {})
        for bad in [*NO_AMOUNTS, None]
    ),
    # Thalex
    *(
        (method, arguments, {})
        for method in ("request_thalex_deposit", "request_thalex_withdrawal")
        for arguments in [
            *([bad, "BTC", TFA] for bad in [*NO_AMOUNTS, None]),
            *([1, bad, TFA] for bad in ("", "btc", "USD", None)),
            *([1, "BTC", bad] for bad in [*NO_TFAS, None]),
        ]
    ),
]


def refuse(method: str, arguments: Any, options: Any) -> str:
    """Return what the error says."""
    transport: Any = AnswerTransport([])
    with pytest.raises(UsageError) as caught:
        getattr(AuthEndpoints(transport), method)(*arguments, **options)
    assert transport.requests == []
    assert "sentinel" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    "method, arguments, options",
    IMPOSSIBLE,
    ids=[f"{method}({args}, {options})" for method, args, options in IMPOSSIBLE],
)
def test_impossible_argument_raises_before_anything_is_sent(
    method: str, arguments: list[Any], options: dict[str, Any]
) -> None:
    text = refuse(method, arguments, options)
    if len(options) == 1:
        (name,) = options
        assert re.search(rf"\b{name}\b", text)


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
        assert re.search(rf"\b{name}\b", text)


def test_receiver_of_a_withdrawal_shows_in_no_error() -> None:
    transport: Any = AnswerTransport([])
    person = {"dest_firstname": "sentinel", "dest_lastname": "sentinel"}
    for receiver in (person, {"dest_corp_name": "sentinel"}):
        with pytest.raises(OutcomeUnknown) as caught:
            AuthEndpoints(transport).submit_wallet_withdrawal(
                *WITHDRAWAL, travel_rule_tos=True, **receiver
            )
        error = caught.value
        assert error.known["address"] == WITHDRAWAL[2]
        assert "sentinel" not in f"{error}{error!r}{error.known}"


def test_address_shows_in_no_message() -> None:
    transport: Any = AnswerTransport([])
    auth = AuthEndpoints(transport)
    with pytest.raises(UsageError) as caught:
        auth.submit_wallet_withdrawal("exchange", "bitcoin", "sentinel address", 1)
    assert "address" in str(caught.value) and "sentinel" not in str(caught.value)


# --- what a withdrawal that succeeded is ------------------------------------------------------


def withdrawal(data: Any, status: str = "SUCCESS", code: Any = None) -> Any:
    text = "Settlement / Transfer in progress, please try again in few seconds"
    row = [1_568_742_390_999, "acc_wd-req", None, None, data, code, status, text]
    transport: Any = AnswerTransport(row)
    return AuthEndpoints(transport).submit_wallet_withdrawal(*WITHDRAWAL)


@pytest.mark.parametrize("id", [0, "0"])
@pytest.mark.parametrize("is_in_a_list", [False, True])
def test_r07_success_with_the_id_zero_is_a_refusal(id: Any, is_in_a_list: bool) -> None:
    data = [id, None, "bitcoin", None, "exchange", 0.5, None, None, 0]
    with pytest.raises(ApiError, match="please try again") as caught:
        withdrawal([data] if is_in_a_list else data)
    assert type(caught.value) is ApiError
    assert caught.value.endpoint == "auth/w/withdraw"
    assert caught.value.raw[1] == "acc_wd-req"


def test_r07_zero_is_a_refusal_whatever_else_is_missing() -> None:
    with pytest.raises(ApiError, match="please try again") as caught:
        withdrawal([0], code=10001)
    assert caught.value.code == 10001


NAMELESS = [None, None, "bitcoin", None, "exchange", 0.5, None, None, 0]


@pytest.mark.parametrize(
    "data", [None, [], [None] * 9, "?", {}, ["x"], NAMELESS, [NAMELESS]]
)
def test_r07_success_that_says_nothing_leaves_a_withdrawal_open(data: Any) -> None:
    with pytest.raises(OutcomeUnknown) as caught:
        withdrawal(data)
    assert caught.value.can_resolve
    assert caught.value.known["amount"] == "0.5"


@pytest.mark.parametrize("status", ["ERROR", "FAILURE"])
def test_refused_withdrawal_is_raised_when_it_is_asked_for(status: str) -> None:
    found = withdrawal([0, None, "bitcoin", None, "exchange", 0.5], status)
    assert (found.data.withdrawal_id, found.is_success) == (0, False)
    with pytest.raises(ApiError):
        found.raise_for_status()


# --- addresses, page by page ------------------------------------------------------------------


class Addresses:
    """Answers with pages of addresses; `most` is what one of them has at most."""

    clock_skew_s = 0.0

    def __init__(self, total: int, most: int = 100) -> None:
        self.rows = [[f"ADDRESS{number}", "exchange"] for number in range(total)]
        self.most = most
        self.pages: list[tuple[int, int]] = []

    def request(self, method: str, path: str, **options: Any) -> Any:
        body = options["body"]
        self.pages.append((body["page"], body["pageSize"]))
        size = min(body["pageSize"], self.most)
        first = (body["page"] - 1) * size
        return self.rows[first : first + size]


@pytest.mark.parametrize(
    "total, size, requests",
    [(0, 100, 1), (5, 100, 2), (20, 20, 2), (45, 20, 4), (100, 100, 2), (250, 100, 4)],
)
def test_addresses_come_page_by_page_and_once(
    total: int, size: int, requests: int
) -> None:
    transport: Any = Addresses(total)
    found = AuthEndpoints(transport).iter_deposit_addresses("bitcoin", page_size=size)
    assert transport.pages == []
    wanted = [DepositAddressItem(*row) for row in transport.rows]
    assert list(found) == wanted
    assert transport.pages == [(page + 1, size) for page in range(requests)]


def test_page_of_another_size_than_was_asked_for_loses_no_address() -> None:
    transport: Any = Addresses(45, most=20)
    found = AuthEndpoints(transport).iter_deposit_addresses("bitcoin")
    assert len(list(found)) == 45


def test_address_that_is_made_meanwhile_brings_none_twice() -> None:
    transport: Any = Addresses(30)
    found = AuthEndpoints(transport).iter_deposit_addresses("bitcoin", page_size=20)
    first = [next(found) for _ in range(20)]
    transport.rows.insert(0, ["NEW", "exchange"])
    rest = list(found)
    assert [item.address for item in first + rest] == [
        f"ADDRESS{number}" for number in range(30)
    ]


def test_unreadable_address_ends_the_pages_or_is_skipped() -> None:
    transport: Any = Addresses(45)
    transport.rows[30] = "?"
    found: list[Any] = []
    with pytest.raises(RemoteError, match="1 of 20 rows"):
        for item in AuthEndpoints(transport).iter_deposit_addresses("x", page_size=20):
            found.append(item)
    assert len(found) == 39
    lenient = AuthEndpoints(transport, strict=False)
    assert len(list(lenient.iter_deposit_addresses("x", page_size=20))) == 44
    transport.rows[20:40] = ["?"] * 20
    with pytest.raises(RemoteError, match="20 of 20 rows"):
        list(lenient.iter_deposit_addresses("x", page_size=20))


def test_exchange_that_knows_no_pages_does_not_go_on_for_ever() -> None:
    class Same(Addresses):
        def request(self, method: str, path: str, **options: Any) -> Any:
            super().request(method, path, **options)
            return self.rows

    transport: Any = Same(20)
    found = AuthEndpoints(transport).iter_deposit_addresses("bitcoin", page_size=20)
    assert len(list(found)) == 20
    assert len(transport.pages) == 2


def test_payment_asked_for_by_its_id_may_come_alone_or_in_a_list() -> None:
    for answer in ({"payment_hash": "5c"}, [{"payment_hash": "5c"}]):
        transport: Any = AnswerTransport(answer)
        (found,) = AuthEndpoints(transport).get_lightning_payments(
            "getPaymentById", {"txid": "5c"}
        )
        assert found.payment_hash == "5c"
