"""How programs of other clients are judged; they themselves run in .ci/run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from checksum_reference import javascript, plain_checksum

from . import steps
from .run import beliefs_in, differences, documented

STATE: dict[str, Any] = {
    "balances": {"exchange": {"BTC": 0.3, "USD": 5.0}},
    "orders": [{"id": 11}],
    "trades": [{"id": 21}, {"id": 22}, {"id": 22}],
}
RIGHT: dict[str, Any] = {
    "wallets": [["exchange", "BTC", 0.1 + 0.2]],
    "orders": [11],
    "trades": [22, 21],
}


def test_the_last_beliefs_of_a_program_count() -> None:
    lines = ["ok: step", 'beliefs: {"orders": []}', f"beliefs: {json.dumps(RIGHT)}"]
    assert beliefs_in("\n".join([*lines, "ok: close"])) == RIGHT
    assert beliefs_in("ok: step") is None


def test_a_program_that_knows_its_account_is_right() -> None:
    assert differences(RIGHT, STATE) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"wallets": [["exchange", "BTC", 0.31]]}, "exchange BTC: 0.31 instead of 0.3"),
        ({"wallets": [["margin", "BTC", 1]]}, "margin BTC: 1 instead of None"),
        ({"wallets": []}, "it knows no wallets or no trades"),
        ({"orders": []}, "orders: [] instead of [11]"),
        ({"trades": [21]}, "trades: [21] instead of [21, 22]"),
    ],
    ids=str,
)
def test_a_wrong_belief_is_named(change: dict[str, Any], problem: str) -> None:
    assert differences({**RIGHT, **change}, STATE) == [problem]


def test_a_program_without_beliefs_has_failed() -> None:
    assert differences(None, STATE) == ["it has not come to its end"]


@pytest.mark.parametrize(
    "number", [0.0, -5, 0.1, 1e-6, -1.5e-7, 64250.5, 1e20, 0.00002134]
)
def test_the_programs_write_numbers_as_javascript(number: float) -> None:
    assert steps.javascript(number) == javascript(number)


def test_the_programs_calculate_checksums() -> None:
    bids = [(100.5 - n, 0.25 * (n + 1)) for n in range(30)]
    asks = [(101.0 + n, -1e-7 * (n + 1)) for n in range(20)]
    assert steps.checksum(bids, asks) == plain_checksum(bids, asks) & 0xFFFFFFFF


@pytest.mark.parametrize("name", ["bitfinex-api-py", "ccxt", "bitfinex-api-node"])
def test_the_documents_have_a_program_for_each_client(name: str) -> None:
    assert "BFX_API_SECRET" in documented(name) and "0.1" in documented(name)
