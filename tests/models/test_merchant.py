"""Merchants and recurring orders, from objects as the JSON readers return them."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from model_tables import CASES, read

from bfxsync.errors import RemoteError
from bfxsync.models.merchant import InvoicePage, InvoiceSubmission
from bfxsync.models.merchant_account import MerchantLimits


def values(found: Any) -> list[Any]:
    """Return the values of the fields, unlike `attrs.astuple` with the models in them."""
    return [getattr(found, field.name) for field in attrs.fields(type(found))]


@pytest.mark.parametrize("model", ["MerchantLimits", "RecurringAlgoOrder"])
def test_r14_object_without_any_field_is_a_remote_error(model: str) -> None:
    for bad in ({}, {"new": 1}, {"status_": "x"}):
        with pytest.raises(RemoteError, match="none of its fields") as caught:
            CASES[model].build(bad)
        assert caught.value.raw is bad


@pytest.mark.parametrize(
    "write",
    [
        str.upper,
        str.lower,
        lambda key: "".join("_" + c if c.isupper() else c for c in key).upper(),
    ],
    ids=["ECOMMERCELIMIT", "ecommercelimit", "ECOMMERCE_LIMIT"],
)
def test_names_of_limits_may_be_written_in_any_way(write: Any) -> None:
    fields = read("MerchantLimits")
    other = {write(key): value for key, value in fields.items()}
    assert MerchantLimits.from_object(other) == MerchantLimits.from_object(fields)


# --- answers to writes ------------------------------------------------------------------------


def test_r07_answer_to_a_write_may_lack_anything_but_the_id() -> None:
    whole = read("InvoiceSubmission")
    assert InvoiceSubmission.from_partial_object(
        whole
    ) == InvoiceSubmission.from_object(whole)
    found = InvoiceSubmission.from_partial_object({"id": "0a1b", "new": 1})
    assert found.id == "0a1b"
    assert set(values(found)[1:]) == {None}


@pytest.mark.parametrize("bad", [{}, {"id": None}, {"id": 5}, [], None, "0a1b", True])
def test_r07_answer_without_an_id_is_a_remote_error(bad: Any) -> None:
    with pytest.raises(RemoteError, match="InvoiceSubmission") as caught:
        InvoiceSubmission.from_partial_object(bad)
    assert caught.value.raw is bad


def test_page_may_be_empty() -> None:
    fields = {**read("InvoicePage"), "items": []}
    assert InvoicePage.from_object(fields).items == []
