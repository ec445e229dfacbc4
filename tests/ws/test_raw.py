"""``subscribe_raw`` on the local exchange, in recordings and replays."""

from __future__ import annotations

import pytest

from bfxsync import (
    Backoff,
    BookSubscription,
    Flag,
    Gap,
    RawRow,
    Snapshot,
    SubscriptionRejected,
    SubscriptionStatus,
    UsageError,
    WebSocketClient,
    replay,
)

TRADES = {"channel": "trades", "symbol": "tBTCUSD"}


def has_two_snapshots(items):
    return sum(isinstance(item, Snapshot) for item in items) == 2


def test_callback_gets_rows_and_on_event_the_rest(client, record):
    rows, events = record(), record()
    handle = client.subscribe_raw(**TRADES, callback=rows, on_event=events)
    rows.wait(lambda items: {"te", "tu"} <= {row.tag for row in items})
    (snapshot,) = events.items
    assert isinstance(snapshot, Snapshot) and len(snapshot.rows) == 30
    assert {type(row) for row in (*snapshot.rows, *rows.items)} == {RawRow}
    assert {len(row) for row in (*snapshot.rows, *rows.items)} == {4}
    assert {row.symbol for row in rows.items} == {"tBTCUSD"}
    assert dict(handle) == {**TRADES, "sub_id": handle.sub_id}
    assert (handle.channel, handle.symbol) == ("trades", "tBTCUSD")


def test_gap_and_snapshot_follow_a_disconnect(exchange, client, record):
    items = record()
    client.subscribe_raw(**TRADES, callback=items, on_event=items)
    items.wait_for(5)
    exchange.drop_connections()
    items.wait(has_two_snapshots, timeout=30)
    kinds = [type(item) for item in items.items]
    gap = kinds.index(Gap)
    assert kinds[0] is kinds[gap + 1] is Snapshot
    assert set(kinds) == {Snapshot, Gap, RawRow}


def test_rows_are_iterated_and_emitted(client, record):
    emitted = record()
    client.on("raw_update", emitted)
    with client.subscribe_raw("status", key="deriv:tBTCF0:USTF0") as rows:
        row = rows.get(10)
        assert type(row) is RawRow and row.symbol is None and len(row) >= 18
        assert rows.symbol == "deriv:tBTCF0:USTF0"
        fields, first = emitted.wait_for(1)[0]
        assert fields["channel"] == "status" and type(first) is RawRow


def test_first_row_of_a_ticker_is_an_update_too(client, record):
    data, events = record(), record()
    client.subscribe_raw("ticker", data, on_event=events, symbol="tBTCUSD")
    assert events.wait_for(1)[0].rows == data.wait_for(1)[:1]


def test_time_of_the_exchange_is_known_with_its_flag(exchange):
    flags = Flag.SEQ_ALL | Flag.TIMESTAMP
    with WebSocketClient(exchange.url, flags=flags) as client:
        rows = client.subscribe_raw(**TRADES)
        row = rows.get(10)
    assert row.tag in ("te", "tu") and row.server_mts > 10**12


def test_channel_without_snapshot_is_ready_once_accepted(client, record):
    events = record()
    key = "liq:global"
    client.subscribe_raw("status", key=key, has_snapshot=False, on_event=events)
    assert events.wait_for(1) == [Snapshot([])]


def test_raw_book_has_checksums_and_no_book(client):
    handle = client.subscribe_raw("book", symbol="tBTCUSD", prec="P0", len=25)
    assert not isinstance(handle, BookSubscription)
    assert next(row for row in handle if row.tag == "cs")[0].__class__ is int


def test_same_request_is_shared_and_starts_with_local_state(client, record):
    first = record()
    client.subscribe_raw(**TRADES, callback=first)
    first.wait_for(3)
    late = record()
    client.subscribe_raw("trades", on_event=late, symbol="tBTCUSD")
    (snapshot,) = late.wait_for(1)
    assert len(snapshot.rows) >= 33
    assert len(client._core.placement.links[0].session.tokens) == 1


@pytest.mark.parametrize("is_raw_first", [True, False])
def test_raw_rows_and_updates_of_a_channel_need_two_connections(
    client, record, is_raw_first
):
    rows, trades = record(), record()
    subscribes = [
        lambda: client.subscribe_trades("tBTCUSD", trades),
        lambda: client.subscribe_raw(**TRADES, callback=rows),
    ]
    handles = [subscribe() for subscribe in subscribes[:: -1 if is_raw_first else 1]]
    rows.wait_for(3), trades.wait_for(3)
    assert len(client._core.placement.links) == 2
    assert {handle.status for handle in handles} == {SubscriptionStatus.LIVE}


def test_refusal_of_the_exchange_is_raised(client):
    with pytest.raises(SubscriptionRejected, match="^nope a:b: ") as caught:
        client.subscribe_raw("nope", key="a:b")
    assert caught.value.code == 10300
    assert client._core.placement.subscribers() == []


def test_impossible_arguments_are_refused_before_anything_is_sent(exchange):
    client = WebSocketClient(exchange.url)
    for arguments, message in (
        ({"channel": ""}, "channel must be non-empty text"),
        ({"channel": "x", "subId": 1}, "'subId' is set by the client"),
        ({"channel": "x", "depth": None}, "depth must be text, a finite number"),
        ({"channel": "x", "has_snapshot": 1.5}, "has_snapshot must be True or False"),
        ({"channel": "x", "callback": 5}, "callback"),
        ({"channel": "x", "policy": "all"}, "policy must be"),
        ({"channel": "x", "timeout": 0}, "timeout must be"),
        ({"channel": "x", "wait": "no"}, "wait must be"),
    ):
        with pytest.raises(UsageError, match=message):
            client.subscribe_raw(**arguments)
    assert not client._core.placement.has_opened
    client.close()


# --- recordings ---------------------------------------------------------------------------------


@pytest.fixture
def recorded(exchange, record, tmp_path):
    """A recording of raw trades over a disconnect, and what they were."""
    path, items = tmp_path / "run.jsonl.gz", record()
    backoff = Backoff(first_s=0.05)
    with WebSocketClient(exchange.url, record=path, backoff=backoff) as client:
        client.subscribe_raw(**TRADES, callback=items, on_event=items)
        items.wait_for(10)
        exchange.drop_connections()
        items.wait(has_two_snapshots, timeout=30)
    return path, items.items


def test_replay_delivers_the_same_rows(recorded):
    path, items = recorded
    played = []
    with replay(path) as recording:
        recording.subscribe_raw(
            **TRADES, callback=played.append, on_event=played.append
        )
        recording.run()
    assert played == items
    assert [getattr(item, "tag", None) for item in played] == [
        getattr(item, "tag", None) for item in items
    ]


def test_raw_recording_plays_as_updates_too(recorded):
    path, items = recorded
    with replay(path) as recording:
        trades = list(recording.subscribe_trades("tBTCUSD"))
    executed = [row[0] for row in items if isinstance(row, RawRow) and row.tag == "te"]
    assert set(executed) <= {trade.id for trade in trades}


def test_replay_plays_one_form_of_a_channel(recorded):
    path, _ = recorded
    with replay(path) as recording:
        recording.subscribe_trades("tBTCUSD")
        with pytest.raises(UsageError, match="either raw or typed, not both"):
            recording.subscribe_raw(**TRADES)
        with pytest.raises(SubscriptionRejected, match="raw news is not in"):
            recording.subscribe_raw("news")
