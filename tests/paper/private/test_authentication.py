"""The auth event, without sockets."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from bfxsync.paper import PaperAccount
from bfxsync.paper.server.account_channel import SNAPSHOT_S
from bfxsync.paper.settings import SCOPES

from .channel import KEY, SECRET, ChannelSession, auth_message, codes_of, rows_of
from .support import EngineHarness, next_nonce

ALL = ["ps", "ws", "os", "fos", "fcs", "fls"]


@pytest.fixture
def channel(harness: EngineHarness) -> ChannelSession:
    return ChannelSession(harness)


def test_success_has_user_and_rights(channel: ChannelSession) -> None:
    (answer,) = channel.send(auth_message())
    assert list(answer) == ["event", "status", "chanId", "userId", "auth_id", "caps"]
    assert (answer["event"], answer["status"], answer["chanId"]) == ("auth", "OK", 0)
    assert answer["userId"] == channel.harness.account.user_id
    assert len(answer["auth_id"]) == 36
    assert answer["caps"] == {scope: {"read": 1, "write": 1} for scope in SCOPES}


def test_snapshots_come_a_moment_later(channel: ChannelSession) -> None:
    channel.send(auth_message())
    assert [delay_s for delay_s, _ in channel.later] == [SNAPSHOT_S]
    frames = channel.pass_time()
    assert codes_of(frames) == ALL and len(frames) == 6
    assert rows_of("os", frames) == [[]]


@pytest.mark.parametrize(
    ("change", "code", "text"),
    [
        ({"apiKey": "nobody"}, 10100, "apikey: invalid"),
        ({"apiKey": None}, 10100, "apikey: invalid"),
        ({"apiKey": ["paper-key"]}, 10100, "apikey: invalid"),
        ({"apiKey": "other-key"}, 10100, "apikey: digest invalid"),
        ({"authSig": "00"}, 10100, "apikey: digest invalid"),
        ({"authSig": None}, 10112, "auth: signature invalid"),
        ({"authSig": "\udc80\ud800"}, 10112, "auth: signature invalid"),
        ({"authPayload": None}, 10111, "auth: payload invalid"),
        ({"authPayload": 5}, 10111, "auth: payload invalid"),
        ({"authPayload": "AUTH\ud800"}, 10111, "auth: payload invalid"),
        ({"authNonce": 0}, 10114, "nonce: small"),
        ({"authNonce": None}, 10114, "nonce: invalid"),
        ({"authNonce": True}, 10114, "nonce: invalid"),
        ({"authNonce": -1}, 10114, "nonce: invalid"),
        ({"authNonce": 1.5}, 10114, "nonce: invalid"),
        ({"authNonce": 2**53}, 10114, "nonce: invalid"),
        ({"token": "pub:api:nope"}, 10100, "token: invalid"),
        ({"token": [1]}, 10100, "token: invalid"),
        ({"filter": "trading"}, 10020, "filter: invalid"),
    ],
)
def test_a_refusal_is_an_auth_event(
    channel: ChannelSession, change: Any, code: int, text: str
) -> None:
    (answer,) = channel.send({**auth_message(), **change})
    wanted = {"event": "auth", "status": "FAILED", "chanId": 0}
    assert answer == {**wanted, "code": code, "msg": text}
    assert channel.later == [] and not channel.session.is_in_use
    # The socket survives.
    assert codes_of(channel.log_in()) == ALL


@pytest.mark.parametrize("form", ["AUTH{0}", "AUTH{0}{0}", "anything"])
def test_the_payload_is_checked_as_sent(channel: ChannelSession, form: str) -> None:
    nonce = next_nonce()
    channel.log_in(nonce=nonce, authPayload=form.format(nonce))


@pytest.mark.parametrize("make", [int, str, float])
def test_a_nonce_may_be_a_number_or_its_digits(
    channel: ChannelSession, make: Any
) -> None:
    channel.log_in(nonce=make(next_nonce()), authPayload="AUTH")


def test_rest_and_channel_share_the_nonce(channel: ChannelSession) -> None:
    nonce = next_nonce()
    channel.log_in(nonce=nonce)
    second = ChannelSession(channel.harness)
    (answer,) = second.send(auth_message(nonce=nonce))
    assert (answer["code"], answer["msg"]) == (10114, "nonce: small")
    keys = channel.harness.registry.keys
    assert keys._keys[KEY].last_nonce == nonce
    assert keys._keys["other-key"].last_nonce == 0


def test_no_part_of_the_message_is_shown(
    channel: ChannelSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for message in (
        auth_message(apiSecret=SECRET, transform=True),
        auth_message(apiSecret=SECRET),
        {**auth_message(apiSecret=SECRET), "authSig": "ab" * 48},
        {**auth_message(apiSecret=SECRET), "event": ["auth"]},
    ):
        shown = json.dumps(channel.send(message)) + caplog.text
        for hidden in (SECRET, message["authSig"], message["authPayload"], KEY):
            assert hidden not in shown
        channel.send({"event": "unauth"})


def test_a_second_auth_changes_nothing(channel: ChannelSession) -> None:
    channel.log_in()
    answer = channel.send(auth_message("other-key", "other-secret"))
    assert answer == [{"event": "error", "msg": "auth: dup", "code": 10100}]
    channel.harness.submit("EXCHANGE LIMIT", "0.1", 100)
    assert "on" in codes_of(channel.take())


def test_unauth_ends_the_channel_but_not_the_socket(channel: ChannelSession) -> None:
    channel.log_in()
    (answer,) = channel.send({"event": "unauth"})
    assert answer == {"event": "unauth", "status": "OK", "chanId": 0}
    channel.harness.submit("EXCHANGE LIMIT", "0.1", 100)
    channel.session.heartbeat()
    assert channel.take() == [] and not channel.session.is_in_use
    (answer,) = channel.send({"event": "unauth"})
    assert (answer["status"], answer["code"]) == ("FAILED", 10201)
    assert codes_of(channel.log_in()) == ALL


def test_no_snapshots_follow_an_early_unauth(channel: ChannelSession) -> None:
    channel.send(auth_message())
    channel.send({"event": "unauth"})
    assert channel.pass_time() == []


def test_a_token_needs_no_nonce_and_has_its_own_rights(
    channel: ChannelSession,
) -> None:
    keys = channel.harness.registry.keys
    token = keys.new_token(keys._keys[KEY], 60, ["o"], False)
    (answer,) = channel.send({"event": "auth", "token": token})
    assert answer["status"] == "OK"
    rights = {name for name, caps in answer["caps"].items() if caps["read"]}
    assert rights == {"orders", "positions"}
    assert codes_of(channel.pass_time()) == ["ps", "os"]
    channel.harness.now += 60_001
    late = ChannelSession(channel.harness)
    (answer,) = late.send({"event": "auth", "token": token})
    assert (answer["status"], answer["msg"]) == ("FAILED", "token: invalid")


@pytest.mark.parametrize(
    ("names", "codes"),
    [
        (None, ALL),
        ([], ALL),
        (["trading"], ["ps", "os"]),
        (["trading-tBTCUSD"], ["ps", "os"]),
        (["wallet"], ["ws"]),
        (["funding"], ["fos", "fcs", "fls"]),
        (["funding-fUSD", "wallet-exchange-BTC"], ["ws", "fos", "fcs", "fls"]),
        (["notify", "balance", "algo", "nonsense", 5, None, ["trading"]], []),
    ],
)
def test_a_filter_chooses_the_snapshots(
    channel: ChannelSession, names: Any, codes: list[str]
) -> None:
    assert codes_of(channel.log_in(filter=names)) == codes


@pytest.mark.parametrize(
    ("names", "events"),
    [
        (["trading"], {"on", "te", "tu", "oc"}),
        (["trading-tETHUSD"], {"on"}),
        (["trading-tLTCUSD", "notify"], set()),
        (["wallet"], {"wu"}),
        (["wallet-exchange-BTC"], {"wu"}),
        (["wallet-trading-BTC", "wallet-margin-BTC"], set()),
        (["funding", "balance"], set()),
    ],
)
def test_a_filter_chooses_the_events(
    channel: ChannelSession, names: list[str], events: set[str]
) -> None:
    channel.log_in(filter=names)
    channel.harness.submit("EXCHANGE LIMIT", "0.1", 100, "tETHUSD")
    channel.harness.submit("EXCHANGE MARKET", "0.1")
    assert set(codes_of(channel.take())) == events


def test_a_narrow_filter_narrows_the_snapshots(channel: ChannelSession) -> None:
    channel.harness.submit("EXCHANGE LIMIT", "0.1", 100, "tETHUSD")
    channel.harness.submit("EXCHANGE LIMIT", "0.1", 100)
    # An old name of the funding wallet.
    frames = channel.log_in(filter=["trading-tETHUSD", "wallet-deposit-USD"])
    (orders,), (wallets,) = rows_of("os", frames), rows_of("ws", frames)
    assert [row[3] for row in orders] == ["tETHUSD"]
    assert [row[:2] for row in wallets] == [["funding", "USD"]]


def test_a_key_sees_only_what_it_may_read() -> None:
    account = PaperAccount(permissions={"orders": "w", "wallets": "r", "funding": ""})
    channel = ChannelSession(EngineHarness(account))
    frames = channel.log_in()
    assert codes_of(frames) == ["ps", "ws"]
    channel.harness.submit("EXCHANGE LIMIT", "0.1", 100)
    assert codes_of(channel.take()) == ["wu"]


@pytest.mark.parametrize(
    ("more", "rights", "left"),
    [({"dms": 4}, "rw", 0), ({"dms": 4}, "r", 2), ({"dms": 0}, "rw", 2), ({}, "rw", 2)],
)
def test_dms_cancels_all_orders_when_the_socket_closes(
    more: Any, rights: str, left: int
) -> None:
    harness = EngineHarness(PaperAccount(permissions={"orders": rights}))
    channel, witness = ChannelSession(harness), ChannelSession(harness)
    channel.log_in(**more)
    witness.log_in()
    for symbol in ("tBTCUSD", "tETHUSD"):
        harness.submit("EXCHANGE LIMIT", "0.1", 100, symbol)
    witness.take()
    channel.session.close()
    assert len(harness.account.orders) == left
    assert codes_of(witness.take()).count("oc") == 2 - left
    channel.session.close()


def test_the_account_channel_counts_as_one(harness: EngineHarness) -> None:
    channel = ChannelSession(harness, max_channels=2)
    channel.log_in()
    request = {"event": "subscribe", "channel": "trades"}
    ack, _ = channel.send({**request, "symbol": "tBTCUSD"})
    assert ack["event"] == "subscribed"
    (error,) = channel.send({**request, "symbol": "tETHUSD"})
    assert (error["event"], error["code"]) == ("error", 10305)
