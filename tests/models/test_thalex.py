"""Transfers to and from Thalex, from objects as the JSON readers return them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest
from model_tables import NUMBERS

from bfxsync.errors import RemoteError
from bfxsync.models.thalex import (
    ThalexFreeTransferCount,
    ThalexFreeTransfers,
    ThalexTransfer,
)

TRANSFER = {
    "type": "deposit",
    "addressDest": "0xabc",
    "amount": "1000.50",
    "ccy": "USE",
    "createdAt": 1732125293487,
    "updatedAt": 1732125295060,
    "id": "6f6f",
    "status": "PENDING",
    "fee": "0",
}
FREE = {
    "deposits": {"available": 1, "resetsAt": 1732147200000},
    "withdrawals": {"available": 0, "resetsAt": None},
}


@NUMBERS
def test_transfer_is_read_from_an_object(number: Any) -> None:
    found = ThalexTransfer.from_object({**TRANSFER, "new": {}}, number)
    assert found == ThalexTransfer(
        "deposit",
        "0xabc",
        number("1000.50"),
        "USE",
        1732125293487,
        1732125295060,
        "6f6f",
        "PENDING",
        number("0"),
    )
    assert type(found.amount) is type(found.fee) is number
    assert str(found.amount) == ("1000.50" if number is Decimal else "1000.5")


@pytest.mark.parametrize("key", TRANSFER)
def test_r12_transfer_may_lack_anything_but_not_all(key: str) -> None:
    found = ThalexTransfer.from_object({key: TRANSFER[key]})
    assert attrs.astuple(found).count(None) == len(TRANSFER) - 1
    assert ThalexTransfer.from_object({**TRANSFER, key: None}) is not None


@pytest.mark.parametrize(
    "bad",
    [{}, {"new": 1}, [], None, 1, "x", {**TRANSFER, "fee": "much"}, {"id": 5}],
)
def test_r14_transfer_that_is_none_is_a_remote_error(bad: Any) -> None:
    with pytest.raises(RemoteError, match="ThalexTransfer") as caught:
        ThalexTransfer.from_object(bad)
    assert caught.value.raw is bad


def test_free_transfers_are_read_from_objects() -> None:
    found = ThalexFreeTransferCount.from_object({**FREE, "new": 1})
    assert found.deposits == ThalexFreeTransfers(1, 1732147200000)
    assert found.withdrawals == ThalexFreeTransfers(0, None)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        [],
        None,
        {"deposits": FREE["deposits"]},
        {**FREE, "withdrawals": []},
        {**FREE, "withdrawals": {"available": None}},
        {**FREE, "withdrawals": {"available": "some"}},
    ],
)
def test_r14_free_transfers_that_are_none_are_a_remote_error(bad: Any) -> None:
    with pytest.raises(RemoteError, match="ThalexFreeTransfer") as caught:
        ThalexFreeTransferCount.from_object(bad)
    assert caught.value.raw is bad
