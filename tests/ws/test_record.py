"""``WebSocketClient(record=path)``: what a client does for a recording, and what it does to it."""

from __future__ import annotations

import gzip
import io
import os
import threading

import pytest

from bfxsync import BfxError, ClosedError, UsageError, WebSocketClient, replay


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.jsonl.gz"


def onto_a_pipe(client):
    """Let it record into a pipe, which fails when the returned end of it is closed."""
    reader, writer = os.pipe()
    recorder = client._settings.recorder
    recorder._file.close()
    recorder._file = io.FileIO(writer, "w")
    return reader


def threads():
    """The threads of clients."""
    names = [t.name for t in threading.enumerate() if t.name.startswith("bfxsync-")]
    return [name for name in names if name != "bfxsync-paper"]


@pytest.mark.parametrize("wrong", ["no/such/folder/x", ".", "/dev/full"])
def test_r10_a_client_that_cannot_record_leaves_nothing(tmp_path, wrong):
    if not os.path.exists(tmp_path / wrong) and wrong.startswith("/dev"):
        pytest.skip("has no such device")
    with pytest.raises(UsageError, match="cannot record to"):
        WebSocketClient(record=tmp_path / wrong)
    assert threads() == []


def test_a_second_client_with_the_same_path_is_refused(exchange, path, record):
    got = record()
    with WebSocketClient(exchange.url, record=path) as client:
        client.subscribe_trades("tBTCUSD", got)
        with pytest.raises(UsageError, match="the file is not empty"):
            WebSocketClient(exchange.url, record=path)
        got.wait_for(5)
    with replay(path) as recording:
        assert [t.id for t in recording.subscribe_trades("tBTCUSD")][:5] == [
            trade.id for trade in got.items[:5]
        ]


@pytest.mark.parametrize("dispatch_threads", [0, 1, 3])
def test_a_disk_that_fails_ends_the_recording_and_nothing_else(
    exchange, path, record, dispatch_threads
):
    errors, got = record(), record()
    with WebSocketClient(
        exchange.url, record=path, on_error=errors, dispatch_threads=dispatch_threads
    ) as client:
        reader = onto_a_pipe(client)
        client.subscribe_trades("tBTCUSD", got)
        os.close(reader)
        assert "the recording has failed" in str(errors.wait_for(1)[0])
        count = len(got.items)
        got.wait_for(count + 5)
    assert [type(error) for error in errors.items] == [BfxError]


def test_a_disk_failure_at_the_last_lines_is_reported(exchange, path, record):
    errors = record()
    client = WebSocketClient(exchange.url, record=path, on_error=errors)
    reader = onto_a_pipe(client)
    client.subscribe_trades("tBTCUSD")
    os.close(reader)
    # What takes a moment to write.
    client._settings.recorder.received(9, [os.urandom(1_000_000).hex().encode()])
    client.close()
    assert [type(error) for error in errors.items] == [BfxError]


def test_r10_close_returns_in_time_while_the_disk_hangs(exchange, path, record, caplog):
    """With what is queued for the callbacks delivered."""
    got = record()
    client = WebSocketClient(exchange.url, record=path)
    reader = onto_a_pipe(client)
    client._settings.recorder.received(9, [os.urandom(1_000_000).hex().encode()])
    handle = client.subscribe_trades("tBTCUSD", got)
    got.wait_for(3)
    try:
        client.close()
        assert len(got.items) == handle.update_count
        assert threads() == ["bfxsync-record"]
        assert "still being written" in caplog.text
    finally:
        os.close(reader)


def test_a_client_that_never_connected_leaves_a_recording_of_nothing(path):
    with WebSocketClient(record=path):
        pass
    with gzip.open(path, "rt") as lines:
        assert len(lines.readlines()) == 1
    with replay(path) as recording:
        assert recording.channels == [] and recording.begin is None


def test_nothing_begins_to_record_after_close(path):
    client = WebSocketClient(record=path)
    client.close()
    before = path.read_bytes()
    with pytest.raises(ClosedError):
        client.start()
    assert path.read_bytes() == before and threads() == []


def test_a_recording_is_continued_and_replayed_as_one(exchange, path, record):
    for append in (False, True):
        got = record()
        with WebSocketClient(exchange.url, record=path, record_append=append) as client:
            client.subscribe_trades("tBTCUSD", got)
            got.wait_for(3)
    with pytest.raises(UsageError, match="the file is not empty"):
        WebSocketClient(exchange.url, record=path)
    with replay(path) as recording:
        gaps = record()
        trades = recording.subscribe_trades("tBTCUSD", on_event=gaps)
        ids = [trade.id for trade in trades]
    assert ids == sorted(set(ids)) and len(ids) >= 6
