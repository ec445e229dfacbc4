"""The keys of a shard, and the identities of channels."""

from __future__ import annotations

from decimal import Decimal

import pytest

from bfxsync.errors import RemoteError, UsageError
from bfxsync.streams.keys import (
    LIVE,
    WANTED,
    IdentityState,
    ShardKeys,
    channel_of,
    identity_of,
)
from bfxsync.wire.channels import channel_for, raw_channel_for

IDENTITIES = [
    "book|tBTCUSD|P0|F0|25",
    "book|fUSD|R0|F1|250",
    "candles|trade:1m:tBTCUSD",
    "candles|trade:1D:fUSD:a30:p2:p30",
    "status|deriv:tBTCF0:USTF0",
    "status|liq:global",
    "ticker|tDOGE:USD",
    "trades|fUSD",
]


def test_all_keys_of_a_shard_share_a_hash_tag():
    keys = ShardKeys("spot-1")
    assert [keys.lease, keys.epoch, keys.identities] == [
        "bfx:{spot-1}:lease",
        "bfx:{spot-1}:epoch",
        "bfx:{spot-1}:ids",
    ]
    assert keys.stream("ticker|tBTCUSD") == "bfx:{spot-1}:s:ticker|tBTCUSD"
    assert keys.snapshot("ticker|tBTCUSD") == "bfx:{spot-1}:snap:ticker|tBTCUSD"


@pytest.mark.parametrize("shard", ["", "a b", "{a}", "a" * 65, None, 7])
def test_an_unusable_name_of_a_shard_is_refused(shard):
    with pytest.raises(UsageError, match="shard must be 1 to 64 letters"):
        ShardKeys(shard)


@pytest.mark.parametrize("identity", IDENTITIES)
def test_an_identity_names_one_channel(identity):
    channel = channel_of(identity)
    assert identity_of(channel) == identity
    assert not channel.is_live


def test_a_channel_has_the_identity_of_its_raw_form():
    fields = {"symbol": "tBTCUSD", "prec": "P0", "freq": "F0", "len": "25"}
    raw = raw_channel_for("book", fields)
    assert identity_of(raw) == identity_of(channel_for("book", **fields))


def test_the_channel_of_an_identity_has_the_wanted_numbers():
    channel = channel_of("ticker|tBTCUSD", Decimal)
    row = list(range(1, 11))
    (ticker,) = channel.feed_many([[1, row]])[1:]
    assert isinstance(ticker.bid, Decimal)


@pytest.mark.parametrize(
    "identity",
    [
        "",
        "auth",
        "news|tBTCUSD",
        "ticker",
        "ticker|tBTCUSD|P0",
        "book|tBTCUSD",
        "book|tBTCUSD|P9|F0|25",
        "ticker|tbtcusd!",
    ],
)
def test_something_else_is_no_identity(identity):
    with pytest.raises(UsageError):
        channel_of(identity)


@pytest.mark.parametrize(
    "identity, spelled",
    [
        ("ticker|btcusd", "ticker|tBTCUSD"),
        ("candles|trade:1W:tBTCUSD", "candles|trade:7D:tBTCUSD"),
    ],
)
def test_an_identity_has_one_spelling(identity, spelled):
    with pytest.raises(UsageError) as caught:
        channel_of(identity)
    assert repr(spelled) in str(caught.value)


@pytest.mark.parametrize(
    "state, text",
    [
        (WANTED, "wanted"),
        (LIVE, "live"),
        (IdentityState("refused"), "refused"),
        (IdentityState("refused", 10301), "refused 10301"),
    ],
)
def test_the_state_of_a_channel_is_text(state, text):
    assert state.text == text
    assert IdentityState.read(text.encode()) == state


@pytest.mark.parametrize(
    "value",
    [b"", b"gone", b"live 1", b"wanted now", b"refused x", b"refused " + b"9" * 99],
)
def test_an_unknown_state_of_a_channel_is_an_error(value):
    with pytest.raises(RemoteError, match="unknown state"):
        IdentityState.read(value)
