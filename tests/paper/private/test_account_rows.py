"""Rows of the account channel, compared with frames of the real exchange."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ..support import read_data
from .channel import ChannelSession
from .support import EngineHarness

# Today's lengths; the samples have shorter rows, too, of former years.
LENGTHS = {
    **dict.fromkeys(("os", "on", "ou", "oc"), 32),
    **dict.fromkeys(("te", "tu"), 12),
    **dict.fromkeys(("ps", "pn", "pu", "pc"), 20),
    **dict.fromkeys(("ws", "wu"), 7),
    **dict.fromkeys(("fos", "fon", "fou", "foc"), 21),
    **dict.fromkeys(("fcs", "fcn", "fcu", "fcc"), 22),
    **dict.fromkeys(("fls", "fln", "flu", "flc"), 21),
    **dict.fromkeys(("fte", "ftu"), 8),
    "bu": 2,
    "miu": 3,
    "fiu": 3,
    "n": 8,
}
SNAPSHOTS = ("os", "ps", "ws", "fos", "fcs", "fls")
# All rows of a group have the same columns.
GROUPS = {"o": "order", "p": "position", "w": "wallet", "t": "trade", "fo": "offer"}


def group_of(code: str) -> str:
    found = GROUPS.get(code[:2]) or GROUPS.get(code[:1])
    if found is None:
        found = {"fc": "loan", "fl": "loan", "ft": "funding trade"}.get(code[:2], code)
    return found


def rows_in(frame: list[Any]) -> list[list[Any]]:
    rows: list[list[Any]] = frame[2] if frame[1] in SNAPSHOTS else [frame[2]]
    return rows


def kind_of(value: Any) -> str:
    if isinstance(value, bool) or isinstance(value, (int, float)):
        return "number"
    return type(value).__name__


def columns(frames: list[list[Any]]) -> dict[tuple[str, int], set[str]]:
    """The kinds of the values seen in each column, without nulls."""
    seen: dict[tuple[str, int], set[str]] = {}
    for frame in frames:
        for row in rows_in(frame):
            for at, value in enumerate(row):
                kinds = seen.setdefault((group_of(frame[1]), at), set())
                if value is not None:
                    kinds.add(kind_of(value))
    return seen


@pytest.fixture(scope="module")
def frames() -> list[list[Any]]:
    """All kinds of frames, as things happen to an account."""
    harness = EngineHarness()
    (other,) = harness.others
    channel = ChannelSession(harness)
    found = channel.log_in()
    harness.clear("fUSD")
    harness.add_order(False, 0.0002, 100_000.0, "fUSD", 7)
    found += make_orders(channel)
    found += make_funding(channel)
    harness.submit("MARKET", "0.1")
    harness.submit("EXCHANGE LIMIT", "0.1", 100)
    harness.offer("300", "0.06", 30)
    harness.offer("-200", "0.0002", 7)
    later = ChannelSession(harness)
    found += channel.take() + later.log_in()
    return [frame for frame in found if isinstance(frame, list)]


def make_orders(channel: ChannelSession) -> list[Any]:
    harness = channel.harness
    order = harness.submit("EXCHANGE LIMIT", "0.1", 100, flags=4096, gid=1)
    harness.engine.update(harness.account, order, {"price": "110"})
    harness.engine.cancel(harness.account, [order])
    # A stop that is triggered at once, and an OCO pair.
    harness.submit("EXCHANGE STOP", "0.1", 100)
    terms = {"flags": 16384, "price_oco_stop": "90", "tif": "2099-01-01"}
    harness.submit("EXCHANGE LIMIT", "-0.1", 900_000, **terms)
    for amount in ("0.1", "0.1", "-0.2"):
        harness.submit("MARKET", amount)
        harness.submit("MARKET", amount, symbol="tBTCF0:USTF0")
    found = channel.take()
    harness.submit("MARKET", "0.1")
    for inputs in (
        [0, "on", None, {}],
        [0, "calc", None, [["balance"], ["margin_base"], ["margin_sym_tBTCUSD"]]],
        [0, "calc", None, [["position_tBTCUSD"], ["wallet_exchange_BTC"]]],
        [0, "calc", None, [["funding_sym_fUSD"]]],
    ):
        found += channel.send(inputs)
    harness.submit("MARKET", "-0.1")
    return found + channel.take()


def make_funding(channel: ChannelSession) -> list[Any]:
    harness = channel.harness
    (other,) = harness.others
    offer = harness.offer("500", "0.0001")
    harness.offer("-200", "0.0001", 2, other)
    harness.funding.cancel(harness.account, [offer])
    harness.wait(days=3)
    return channel.take()


def test_every_code_has_come(frames: list[Any]) -> None:
    assert {frame[1] for frame in frames} == set(LENGTHS)
    assert all(frame[2] for frame in frames[-6:]), "empty snapshots"


def test_rows_have_their_full_length(frames: list[Any]) -> None:
    for frame in frames:
        for row in rows_in(frame):
            wanted = LENGTHS[frame[1]]
            # Margin of the account has no symbol.
            assert len(row) == (2 if row[0] == "base" else wanted), frame


def test_columns_are_those_of_the_real_exchange(frames: list[Any]) -> None:
    samples = [
        json.loads(record["frame"]) for record in read_data("account-frames.jsonl")
    ]
    samples = [frame for frame in samples if frame[1] in LENGTHS]
    assert {frame[1] for frame in samples} == set(LENGTHS)
    wanted, found = columns(samples), columns(frames)
    for column, kinds in found.items():
        allowed = wanted[column]
        # Flags were text once.
        assert kinds <= allowed or not allowed, (column, kinds, allowed)
    missing = {column for column, kinds in wanted.items() if kinds} - {
        column for column, kinds in found.items() if kinds
    }
    # The liquidation price.
    assert missing <= {("position", 8)}
