"""The permissions of a key, in both forms of the exchange."""

from __future__ import annotations

import json
import math

import pytest

from bfxsync.errors import RemoteError, UsageError
from bfxsync.wire.capabilities import Capabilities
from bfxsync.wire.operations import Operation

NEW = {"orders": {"read": 1, "write": 0}, "wallets": {"read": 1, "write": 1}}
OLD = json.dumps({"orders": {"read": "1", "write": "0"}, "wallets": {"write": "1"}})


@pytest.mark.parametrize("value", [NEW, OLD], ids=["object", "text"])
def test_both_forms_say_what_a_key_can(value):
    caps = Capabilities.parse(value)
    assert caps.can("orders.read")
    assert not caps.can("orders.write")
    assert caps.can("wallets.write")
    assert not caps.can("funding.write")


@pytest.mark.parametrize("actions", [None, 1, [], "1", {"write": 2}, {"write": None}])
def test_unknown_actions_permit_nothing(actions):
    assert not Capabilities.parse({"orders": actions}).can("orders.write")


@pytest.mark.parametrize(
    "permission", ["orders", "orders.", ".read", "a.b.read", 1, None]
)
def test_permissions_have_a_scope_and_an_action(permission):
    with pytest.raises(UsageError, match="permission must be a scope"):
        Capabilities.parse(NEW).can(permission)


@pytest.mark.parametrize("value", [None, 1, [], "[]", "{", math.nan, "[" * 100_000])
def test_unreadable_capabilities_raise(value):
    with pytest.raises(RemoteError, match="caps is not an object"):
        Capabilities.parse(value)


def test_operations_need_no_check():
    assert Operation("token", "oc", {"id": 1}).before_send() is None
