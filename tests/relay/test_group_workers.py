"""Workers that share trades: each entry at least once, in one of them."""

from __future__ import annotations

import time

import pytest
from patience import at_most
from redis_server import RedisServer
from redis_writer import RedisWriter, trade_frame

from bfxsync._base.redis_urls import redis_url
from bfxsync.errors import ClosedError, RemoteError, UsageError
from bfxsync.relay import GroupWorker, WorkFailed
from bfxsync.relay.group_store import COUNT, GroupStore

TRADES = "trades|tBTCUSD"
PATIENT_S = at_most(20.0)


@pytest.fixture
def writer(server, shard):
    writer = RedisWriter(server.client(), TRADES, shard=shard)
    writer.lead()
    return writer


@pytest.fixture
def worker_of(server, shard):
    made = []

    def make(callback, **options):
        options = {"group": "ledger", "min_idle": 0.2, **options}
        symbols = options.pop("symbols", ["tBTCUSD"])
        worker = GroupWorker(
            symbols, redis=server.url, shard=shard, callback=callback, **options
        )
        made.append(worker)
        return worker

    yield make
    for worker in made:
        worker.close()


def wait(condition):
    deadline = time.monotonic() + PATIENT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def publish(writer, *numbers):
    for number in numbers:
        writer.frames(TRADES, trade_frame(number))


def names(writer):
    key = writer.keys.stream(TRADES)
    consumers = writer.redis.xinfo_consumers(key, "ledger")
    return [consumer["name"].decode() for consumer in consumers]


def pending(writer):
    key = writer.keys.stream(TRADES)
    return writer.redis.xpending(key, "ledger")["pending"]


def test_two_workers_share_all_trades(writer, worker_of):
    mine, other = [], []
    # Otherwise what waits in one worker is claimed by the other one on a busy machine.
    both = {"from_start": True, "min_idle": 60}
    with worker_of(mine.append, **both), worker_of(other.append, **both):
        publish(writer, *range(200))
        wait(lambda: len(mine) + len(other) >= 200)
        wait(lambda: pending(writer) == 0)
    ids = [trade.id for trade in [*mine, *other]]
    assert sorted(ids) == list(range(200))


def test_a_new_group_begins_with_new_trades(writer, worker_of):
    publish(writer, 1)
    got = []
    with worker_of(got.append) as worker:
        wait(lambda: worker._known_groups)
        publish(writer, 2)
        wait(lambda: got)
    assert [trade.id for trade in got] == [2]


def test_what_a_worker_leaves_another_one_gets(writer, worker_of):
    got, errors = [], []

    def fail(trade):
        raise ValueError("the database is away")

    publish(writer, 1, 2)
    with worker_of(fail, from_start=True, min_idle=60, on_error=errors.append):
        wait(lambda: len(errors) == 2)
    assert pending(writer) == 2
    with worker_of(got.append) as worker:
        wait(lambda: len(got) == 2)
        wait(lambda: pending(writer) == 0)
        assert worker.stats()["claimed"] == 2
    assert [trade.id for trade in got] == [1, 2]
    assert all(isinstance(error, ValueError) for error in errors)


def test_a_worker_that_failed_once_gets_the_trade_again(writer, worker_of):
    got = []

    def fail_once(trade):
        got.append(trade.id)
        if len(got) == 1:
            raise ValueError

    publish(writer, 1)
    with worker_of(fail_once, from_start=True):
        wait(lambda: got == [1, 1])
        wait(lambda: pending(writer) == 0)


def test_a_poisonous_entry_is_given_up(writer, worker_of):
    errors = []

    def fail(trade):
        if trade.id == 1:
            raise ValueError

    publish(writer, 1, 2)
    options = {"on_error": errors.append, "max_deliveries": 2, "min_idle": 0.05}
    with worker_of(fail, from_start=True, **options) as worker:
        wait(lambda: worker.stats()["given_up"] == 1)
        wait(lambda: pending(writer) == 0)
    *failures, given_up = errors
    assert [type(error) for error in failures] == [ValueError, ValueError]
    assert isinstance(given_up, WorkFailed)
    assert (given_up.identity, given_up.deliveries) == (TRADES, 2)
    assert "given up after 2 deliveries" in worker.stats()["last_error"]


def test_removed_entries_are_a_gap(writer, worker_of):
    got, gaps = [], []
    publish(writer, 1)
    with worker_of(got.append, from_start=True):
        wait(lambda: len(got) == 1)
        wait(lambda: pending(writer) == 0)
    publish(writer, 2, 3, 4)
    writer.trim(TRADES, 1)
    with worker_of(got.append, on_event=gaps.append):
        wait(lambda: len(got) == 2)
    assert [trade.id for trade in got] == [1, 4]
    assert len(gaps) == 1 and "are missing" in gaps[0].reason


def test_pending_entries_that_were_removed_are_a_gap(writer, worker_of):
    def fail(trade):
        raise ValueError

    publish(writer, 1)
    with worker_of(fail, from_start=True, min_idle=60) as worker:
        wait(lambda: worker.stats()["failed"] == 1)
    writer.trim(TRADES, 0)
    gaps = []
    with worker_of(print, on_event=gaps.append):
        wait(lambda: gaps)
    assert "1 entries were removed before their delivery" in gaps[0].reason


def test_snapshots_are_work_too(writer, worker_of):
    got = []
    with worker_of(got.append, from_start=True):
        publish(writer, 2)
        writer.gap(TRADES)
        writer.snap(TRADES, b"[[3,9,0.5,1.5],[2,8,0.5,1.5],[1,7,0.5,1.5]]")
        wait(lambda: len(got) == 3)
    assert [trade.id for trade in got] == [2, 1, 3]


def test_a_renewed_snapshot_repeats_nothing(writer, worker_of):
    """Otherwise each renewal would bring a worker the trades of all others."""
    got, others = [], []
    publish(writer, 1, 2)
    with worker_of(others.append, from_start=True):
        wait(lambda: len(others) == 2)
        wait(lambda: pending(writer) == 0)
    with worker_of(got.append) as worker:
        writer.snap(TRADES, b"[[2,8,0.5,1.5],[1,7,0.5,1.5]]", is_renewal=True)
        publish(writer, 3)
        wait(lambda: got)
        assert worker.stats()["gaps"] == 0
    assert [trade.id for trade in got] == [3]


def test_trades_of_a_hole_come_from_the_snapshot(writer, worker_of):
    got, gaps = [], []
    publish(writer, 1)
    with worker_of(got.append, from_start=True):
        wait(lambda: len(got) == 1)
        wait(lambda: pending(writer) == 0)
    publish(writer, 2, 3)
    rows = b"[[3,9,0.5,1.5],[2,8,0.5,1.5]]"
    writer.snap(TRADES, rows, is_renewal=True)
    publish(writer, 4)
    writer.trim(TRADES, 1)
    with worker_of(got.append, on_event=gaps.append):
        wait(lambda: len(got) == 4)
        wait(lambda: pending(writer) == 0)
    assert [trade.id for trade in got] == [1, 2, 3, 4]
    assert len(gaps) == 1


def test_an_unreadable_row_is_reported_and_others_are_delivered(writer, worker_of):
    got, errors = [], []
    bad = b'[9,"te",["no","trade"],1]'
    writer.frames(TRADES, trade_frame(1), bad, trade_frame(2))
    with worker_of(got.append, from_start=True, on_error=errors.append) as worker:
        wait(lambda: worker.stats()["entries"] == 2)
        stats = worker.stats()
    assert [type(error) for error in errors] == [RemoteError]
    assert (stats["unreadable"], stats["failed"]) == (1, 0)
    assert [trade.id for trade in got] == [1, 2] and pending(writer) == 0


def test_a_lost_answer_of_redis_hides_no_hole(server, shard, writer, worker_of):
    got, gaps = [], []
    publish(writer, 1)
    with worker_of(got.append, from_start=True):
        wait(lambda: len(got) == 1)
        wait(lambda: pending(writer) == 0)
    writer.skip(TRADES)
    publish(writer, 2)
    store = GroupStore(redis_url(server.url, name="redis"), "ledger", "another")
    store.open()
    # The answers are lost, and so is the worker.
    for _ in range(2):
        store.read([writer.keys.stream(TRADES)], COUNT)
    store.disconnect()
    with worker_of(got.append, on_event=gaps.append):
        wait(lambda: len(got) == 2)
    assert len(gaps) == 1 and "are missing" in gaps[0].reason


def test_entries_of_a_lost_answer_are_claimed(server, shard, writer, worker_of):
    got = []
    with worker_of(got.append, from_start=True):
        publish(writer, 1)
        wait(lambda: len(got) == 1)
        wait(lambda: pending(writer) == 0)
    publish(writer, 2)
    store = GroupStore(redis_url(server.url, name="redis"), "ledger", "another")
    store.open()
    store.read([writer.keys.stream(TRADES)], COUNT)
    # With a pending entry it stays in the group.
    store.leave([writer.keys.stream(TRADES)])
    store.disconnect()
    assert names(writer) == ["another"]
    with worker_of(got.append):
        wait(lambda: len(got) == 2)


def test_a_worker_that_was_closed_leaves_the_group(writer, worker_of):
    got = []
    with worker_of(got.append, from_start=True, name="first"):
        publish(writer, 1)
        wait(lambda: len(got) == 1)
        wait(lambda: pending(writer) == 0)
        assert names(writer) == ["first"]
    assert names(writer) == []


def test_a_worker_that_was_killed_leaves_the_group_in_the_end(
    server, writer, worker_of, monkeypatch
):
    got, key = [], writer.keys.stream(TRADES)
    writer.redis.xgroup_create(key, "ledger", "0")
    writer.redis.xgroup_createconsumer(key, "ledger", "killed")
    publish(writer, 1)
    store = GroupStore(redis_url(server.url, name="redis"), "ledger", "unfinished")
    store.open()
    store.read([key], COUNT)
    store.disconnect()
    options = {"name": "mine", "min_idle": 0.2}
    with worker_of(got.append, **options):
        wait(lambda: got and pending(writer) == 0)
        # In an hour.
        assert set(names(writer)) == {"killed", "unfinished", "mine"}
    publish(writer, 2)
    store.open()
    store.read([key], COUNT)
    store.disconnect()
    monkeypatch.setattr("bfxsync.relay.group_store.FORGOTTEN_S", 0.0)
    with worker_of(got.append, name="mine", min_idle=60):
        wait(lambda: "killed" not in names(writer))
        assert "unfinished" in names(writer) and pending(writer) == 1


def test_a_worker_with_pending_entries_stays_in_the_group(writer, worker_of):
    got, errors = [], []

    def fail(trade):
        raise ValueError

    publish(writer, 1)
    options = {"from_start": True, "min_idle": 60, "on_error": errors.append}
    with worker_of(fail, name="first", **options):
        wait(lambda: errors)
    assert names(writer) == ["first"]
    with worker_of(got.append, name="second"):
        wait(lambda: got)
        wait(lambda: pending(writer) == 0)
    assert names(writer) == ["first"]


def test_an_event_handler_that_raises_does_not_end_the_worker(writer, worker_of):
    got, errors = [], []

    def fail(gap):
        raise ValueError(gap.reason)

    publish(writer, 1)
    options = {"on_event": fail, "on_error": errors.append, "min_idle": 60}
    with worker_of(got.append, from_start=True, **options):
        wait(lambda: len(got) == 1)
        writer.skip(TRADES)
        publish(writer, 2)
        wait(lambda: len(got) == 2)
    fence, hole = errors
    assert "a relay has taken over" in str(fence)
    assert f"{TRADES}: entries between" in str(hole)


def test_an_unreadable_snapshot_does_not_end_the_worker(writer, worker_of):
    got, errors = [], []
    writer.snap(TRADES, b"[]")
    writer.redis.hset(writer.keys.snapshot(TRADES), "flags", "x")
    publish(writer, 1)
    with worker_of(got.append, from_start=True, on_error=errors.append):
        wait(lambda: got)
    assert isinstance(errors[0], RemoteError)


def test_all_holes_are_reported_before_an_entry_fails(server, shard, worker_of):
    """Nobody else would report them, while another worker claims the entry."""
    streams = [TRADES, "trades|tETHUSD"]
    writer = RedisWriter(server.client(), *streams, shard=shard)
    writer.lead()
    got, reasons = [], []

    def close(trade):
        got.append(trade)
        second.close()

    symbols = ["tBTCUSD", "tETHUSD"]
    for stream in streams:
        writer.frames(stream, trade_frame(1))
    with worker_of(got.append, symbols=symbols, from_start=True):
        wait(lambda: len(got) == 2)
    for stream in streams:
        writer.skip(stream)
        writer.frames(stream, trade_frame(2))
    second = worker_of(
        close, symbols=symbols, on_event=lambda gap: reasons.append(gap.reason)
    )
    second.run()
    assert len(got) == 3
    assert [reason.split(":")[0] for reason in reasons] == streams


def test_all_that_failed_is_claimed_at_once(writer, worker_of):
    """Not one batch at a time: after a failure of hours that would take days."""
    count = 4 * COUNT
    got, errors = [], []

    def fail(trade):
        raise ValueError

    publish(writer, *range(count))
    with worker_of(fail, from_start=True, min_idle=600, on_error=errors.append):
        wait(lambda: len(errors) == count)
    with worker_of(got.append, min_idle=600) as worker:
        wait(lambda: worker._known_groups)
        # The only claim from here on.
        worker._min_idle_s, worker._claim_at = 0.001, 0.0
        wait(lambda: worker._claim_at)
        worker._claim_at = float("inf")
        wait(lambda: len(got) == count)
    assert sorted(trade.id for trade in got) == list(range(count))


def test_slow_callbacks_keep_few_entries_waiting(writer, worker_of):
    """Those that wait for `min_idle` come twice, and are given up without a failure."""
    got, waiting = [], []

    def store(trade):
        time.sleep(0.02)
        waiting.append(pending(writer))
        got.append(trade.id)

    publish(writer, *range(20))
    with worker_of(store, from_start=True, min_idle=0.2):
        wait(lambda: len(got) >= 20)
    assert max(waiting) <= 4


def test_a_deleted_stream_is_a_gap_and_goes_on(writer, worker_of):
    got, gaps = [], []
    with worker_of(got.append, from_start=True, on_event=gaps.append) as worker:
        publish(writer, 1)
        wait(lambda: len(got) == 1)
        writer.redis.delete(writer.keys.stream(TRADES))
        # There is neither stream nor group when it claims.
        claim_at = worker._claim_at
        wait(lambda: worker._claim_at > claim_at)
        writer.lead()
        publish(writer, 2)
        wait(lambda: len(got) == 2)
    assert any("was deleted" in gap.reason for gap in gaps)


def test_a_worker_waits_for_the_relay(server, shard, worker_of):
    got = []
    with worker_of(got.append, from_start=True):
        writer = RedisWriter(server.client(), TRADES, shard=shard)
        writer.lead()
        publish(writer, 1)
        wait(lambda: got)


def test_a_worker_survives_a_restart_of_redis(shard):
    with RedisServer(appendonly="yes", appendfsync="always") as server:
        writer = RedisWriter(server.client(), TRADES, shard=shard)
        writer.lead()
        got, errors = [], []
        options = {"redis": server.url, "shard": shard, "group": "ledger"}
        with GroupWorker(
            ["tBTCUSD"],
            callback=got.append,
            on_error=errors.append,
            from_start=True,
            **options,
        ):
            publish(writer, 1)
            wait(lambda: len(got) == 1)
            server.kill()
            wait(lambda: errors)
            server.start()
            writer.redis = server.client()
            publish(writer, 2)
            wait(lambda: len(got) >= 2)
        assert got[-1].id == 2


def test_a_closed_worker_cannot_start(worker_of):
    worker = worker_of(print)
    worker.close()
    with pytest.raises(ClosedError):
        worker.start()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"symbols": []}, "a worker needs symbols"),
        ({"symbols": "tBTCUSD"}, "symbols must be a list"),
        ({"group": ""}, "group must"),
        ({"callback": None}, "callback must"),
        ({"redis": "redis://:sesame@x y"}, "redis must look like"),
        ({"min_idle": 0}, "min_idle"),
        ({"max_deliveries": 0}, "max_deliveries"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_invalid_worker_is_refused(options, message):
    arguments = {"symbols": ["tBTCUSD"], "redis": "redis://x", "group": "g"}
    with pytest.raises(UsageError, match=message) as caught:
        GroupWorker(**{**arguments, "callback": print, **options})
    assert "sesame" not in str(caught.value)


def test_a_password_is_in_no_text():
    worker = GroupWorker(
        ["tBTCUSD"], redis="redis://:sesame@127.0.0.1:1", group="g", callback=print
    )
    assert "sesame" not in f"{worker!r} {worker.stats()}"
