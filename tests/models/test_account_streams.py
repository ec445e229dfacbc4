"""The kinds of account updates, by the frames of the exchange."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from bfxsync.errors import RemoteError
from bfxsync.models import (
    AccountUpdate,
    Alert,
    Notification,
    Order,
    PartialFundingOffer,
    PartialOrder,
)
from bfxsync.models.account_streams import (
    ACCOUNT_UPDATE_EVENTS,
    CODES,
    ROW_MODELS,
    SNAPSHOTS,
    read_notification,
    read_update,
    snapshot_update,
)
from bfxsync.ws.dispatch.account_events import ACCOUNT_EVENTS

LINES = (Path(__file__).parents[1] / "data" / "account-frames.jsonl").read_text("utf-8")
FRAMES = {
    record["kind"]: json.loads(record["frame"])
    for record in map(json.loads, LINES.splitlines())
}
OLD = ("hos.deprecated", "hfos.deprecated", "hfcs.deprecated", "hfls.deprecated")
EMPTY = ("auth.seq.during-sync", "auth.seq.wu")
SINGLE = [
    kind
    for kind, frame in FRAMES.items()
    if frame[1] not in SNAPSHOTS and kind not in OLD + EMPTY
]


@pytest.mark.parametrize("kind", SINGLE)
@pytest.mark.parametrize("number", [float, Decimal])
def test_every_known_row_is_read(kind: str, number: type) -> None:
    _, code, row = FRAMES[kind][:3]
    update = read_update(code, row, number, 5)
    assert update.code == code and update.event in ACCOUNT_EVENTS
    assert update.server_mts == 5
    if code in ROW_MODELS:
        assert update.data == ROW_MODELS[code].from_row(row, number)


@pytest.mark.parametrize(
    "kind, event, data",
    [
        ("n.on-req.success", "on-req-notification", Order),
        ("n.on-req.error.cid", "on-req-notification", PartialOrder),
        ("n.ou-req.success", "ou-req-notification", Order),
        ("n.oc-req.success.by-cid", "oc-req-notification", PartialOrder),
        ("n.oc_multi-req.success", "notification", list),
        ("n.ox_multi-req.error", "notification", type(None)),
        ("n.fon-req.success", "fon-req-notification", PartialFundingOffer),
        ("n.foc-req.success", "foc-req-notification", PartialFundingOffer),
        ("n.wallet_transfer.seq+ts", "notification", type(None)),
        ("n.ucm-test", "notification", dict),
        ("n.uca", "notification", Alert),
    ],
)
def test_notifications_have_official_events_and_typed_data(
    kind: str, event: str, data: type
) -> None:
    update = read_update("n", FRAMES[kind][2], float)
    assert isinstance(update.data, Notification)
    assert update.event == event and isinstance(update.data.data, data)


def test_both_forms_of_margin_info_have_their_events() -> None:
    events = {
        kind: read_update("miu", FRAMES[kind][2], float).event
        for kind in ("miu.base", "miu.base.old-4", "miu.sym")
    }
    assert events == {
        "miu.base": "base_margin_info",
        "miu.base.old-4": "base_margin_info",
        "miu.sym": "symbol_margin_info",
    }


@pytest.mark.parametrize(
    "code, row",
    [
        ("miu", ["other", []]),
        ("miu", [7, []]),
        ("miu", []),
        ("miu", None),
        ("on", []),
        ("on", {}),
        ("n", None),
        ("n", [1]),
        ("n", [1, 7, None, None, None, None, "SUCCESS", ""]),
        ("n", [1, "on-req", None, None, None, None, "SUCCESS", ""]),
    ],
)
def test_an_unreadable_row_raises(code: str, row: object) -> None:
    with pytest.raises(RemoteError):
        read_update(code, row, float)


def test_a_notification_can_be_read_without_its_data() -> None:
    row = [1, "on-req", None, None, None, None, "SUCCESS", "text"]
    update = read_notification(row, float, ignores_data=True)
    assert update.event == "on-req-notification"
    assert isinstance(update.data, Notification)
    assert update.data.data is None and update.data.raw == row


def test_a_snapshot_has_a_list() -> None:
    assert snapshot_update("ws", []) == AccountUpdate("ws", "wallet_snapshot", [])


def test_the_codes_and_events_are_those_of_the_documentation() -> None:
    codes = {frame[1] for kind, frame in FRAMES.items() if kind not in OLD}
    assert codes <= CODES
    others = {"authenticated", "account_message"}
    assert ACCOUNT_UPDATE_EVENTS | others == ACCOUNT_EVENTS
