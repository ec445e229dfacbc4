"""Messages to the other connections of the account."""

from __future__ import annotations

import pytest

from bfxsync import UsageError
from bfxsync.wire.messages import (
    check_message_id,
    check_message_info,
    check_message_type,
)

CIRCLE: list = []
CIRCLE.append(CIRCLE)


@pytest.mark.parametrize("info", [None, 5, "text", [1, {"a": None}], {}])
def test_json_values_pass(info):
    assert check_message_info("info", info) == info


@pytest.mark.parametrize("info", [object(), {1, 2}, float("nan"), {(): 1}, CIRCLE])
def test_other_values_are_refused(info):
    with pytest.raises(UsageError, match="info must be a JSON value"):
        check_message_info("info", info)


@pytest.mark.parametrize("kind", ["on-req", "ucm", "ucm-", "ucm-a b", 5])
def test_type_begins_with_ucm(kind):
    assert check_message_type("type", "ucm-notify-ui") == "ucm-notify-ui"
    with pytest.raises(UsageError, match="type must be text such as 'ucm-test'"):
        check_message_type("type", kind)


@pytest.mark.parametrize("number", [-1, 2**53, "1", 1.5, True])
def test_id_is_an_exact_integer(number):
    assert check_message_id("message_id", 2**53 - 1) == 2**53 - 1
    with pytest.raises(UsageError, match="message_id must be"):
        check_message_id("message_id", number)
