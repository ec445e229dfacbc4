from __future__ import annotations

import gzip
import io
import json
import logging
import os
import stat
import subprocess
import sys
import threading
import time
import zlib
from datetime import datetime, timezone

import pytest
from patience import at_most

from bfxsync import BfxError, UsageError, __version__
from bfxsync._base.latch import Latch
from bfxsync.recording.format import (
    CLIENT,
    Lost,
    Missing,
    Opened,
    Received,
    Sent,
    read_line,
)
from bfxsync.recording.recorder import MAX_WAITING_BYTES, Recorder

HEARTBEAT = b'[1,"hb"]'


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.jsonl.gz"


def end(recorder, timeout_s=5.0):
    recorder.stop()
    assert recorder.join(time.monotonic() + timeout_s)


def text_of(path):
    """Return as much as can be read, also of a file that is still being written."""
    return zlib.decompressobj(31).decompress(path.read_bytes()).decode()


def records(path):
    return [read_line(line.encode()) for line in text_of(path).splitlines()[1:]]


def onto_a_pipe(recorder):
    """Let it write into a pipe from here on, and return the end to read from."""
    reader, writer = os.pipe()
    recorder._file.close()
    recorder._file = io.FileIO(writer, "w")
    return reader


def wait_until(condition, timeout_s=5.0):
    deadline = time.monotonic() + timeout_s
    changed = threading.Event()
    while not condition():
        assert time.monotonic() < deadline
        changed.wait(0.01)


def test_everything_is_recorded_in_order_with_its_time(path):
    before = time.time()
    recorder = Recorder(path)
    recorder.opened(1, "wss://host:8443/ws/2?token=secret")
    recorder.received(1, [b'{"event":"info","version":2}'])
    recorder.sent(1, '{"event":"conf","flags":65536}')
    recorder.received(2, [HEARTBEAT, b"[1,[1.10,2]]", b""])
    recorder.received(1, [])
    recorder.lost(1, 1006, "gone")
    end(recorder)
    after = time.time()
    found = records(path)
    assert [type(record) for record in found] == [
        *(Opened, Received, Sent, Received, Received, Received, Lost)
    ]
    assert [record.connection for record in found] == [1, 1, 1, 2, 2, 2, 1]
    assert found[0].url == "wss://host:8443/ws/2"
    assert [r.message for r in found[3:6]] == [HEARTBEAT, b"[1,[1.10,2]]", b""]
    assert (found[6].code, found[6].reason) == (1006, "gone")
    times = [record.at for record in found]
    assert times == sorted(times)
    assert before - 1e-5 <= times[0] and times[-1] <= after + 1e-5
    assert times[3] == times[4] == times[5]


def test_it_is_gzip_and_begins_with_what_made_it(path):
    end(Recorder(path))
    with gzip.open(path, "rt") as lines:
        (line,) = lines
    fields = json.loads(line)
    assert fields.pop("t") == pytest.approx(time.time(), abs=60)
    assert fields == {
        "format": "bfxsync recording",
        "version": 1,
        "bfxsync": __version__,
    }


def test_only_the_owner_may_read_it(path):
    before = os.umask(0)
    try:
        end(Recorder(path))
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_was_there_is_closed_to_others_too(path):
    path.touch()
    path.chmod(0o666)
    end(Recorder(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no named pipes")
@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("has_reader", [False, True])
def test_a_named_pipe_is_refused_at_once(tmp_path, has_reader, append):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK) if has_reader else None
    with pytest.raises(UsageError, match="not a regular file"):
        Recorder(pipe, append=append)
    if reader is not None:
        os.close(reader)


def test_the_time_stands_in_the_name(tmp_path):
    recorder = Recorder(tmp_path / "run-{time}.gz")
    end(recorder)
    (name,) = os.listdir(tmp_path)
    assert recorder.path == str(tmp_path / name)
    made = datetime.strptime(name, "run-%Y%m%dT%H%M%SZ.gz")
    age = datetime.now(timezone.utc) - made.replace(tzinfo=timezone.utc)
    assert abs(age.total_seconds()) < 60


def test_a_path_may_be_text_and_its_file_empty(path):
    path.touch()
    end(Recorder(str(path)))
    assert len(text_of(path).splitlines()) == 1


def test_what_stands_in_a_file_is_never_overwritten(path):
    path.write_text("precious")
    with pytest.raises(UsageError, match="the file is not empty"):
        Recorder(path)
    assert path.read_text() == "precious"


def test_two_recordings_cannot_share_a_file(path):
    recorder = Recorder(path)
    with pytest.raises(UsageError, match="the file is not empty"):
        Recorder(path)
    end(recorder)
    assert len(text_of(path).splitlines()) == 1


@pytest.mark.parametrize("wrong", [None, 1, b"bytes", "", "nul\0", "no/such/folder/x"])
def test_an_impossible_path_is_a_mistake_of_the_caller(wrong, tmp_path):
    if isinstance(wrong, str) and "/" in wrong:
        wrong = tmp_path / wrong
    with pytest.raises(UsageError):
        Recorder(wrong)


def test_a_folder_or_a_full_disk_is_refused_at_once(tmp_path):
    with pytest.raises(UsageError, match="cannot record to"):
        Recorder(tmp_path)
    if os.path.exists("/dev/full"):
        with pytest.raises(UsageError, match="cannot record to"):
            Recorder("/dev/full")


def test_r15_no_secret_is_in_a_recording(path):
    recorder = Recorder(path)
    secrets = {
        name: f"sentinel-{name}"
        for name in ("apiKey", "authSig", "authPayload", "authNonce", "token")
    }
    recorder.sent(1, json.dumps({"event": "auth", **secrets, "dms": 4}))
    recorder.received(1, [json.dumps({"event": "auth", **secrets}).encode()])
    end(recorder)
    assert "sentinel" not in text_of(path)
    sent, received = records(path)
    assert json.loads(sent.text)["dms"] == 4
    assert json.loads(received.message)["event"] == "auth"


def test_at_most_a_second_is_lost_in_a_crash(path):
    recorder = Recorder(path)
    recorder.received(1, [HEARTBEAT])
    begin = time.monotonic()
    # Nothing was closed: this is what would be there after a crash.
    wait_until(lambda: len(text_of(path).splitlines()) == 2)
    assert time.monotonic() - begin < at_most(1.0)
    end(recorder)


def test_a_program_that_is_killed_leaves_what_can_be_read(path):
    code = (
        "import os, signal, sys, time\n"
        "from bfxsync.recording.recorder import Recorder\n"
        "recorder = Recorder(sys.argv[1])\n"
        "for n in range(50):\n"
        "    recorder.received(1, [b'[%d]' % n] * 100)\n"
        "    time.sleep(0.02)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    program = subprocess.run([sys.executable, "-c", code, str(path)])
    assert program.returncode != 0
    found = records(path)
    assert found == sorted(found, key=lambda record: record.at)
    assert len(found) >= 1_000
    with gzip.open(path, "rt") as lines, pytest.raises(EOFError):
        assert len(lines.readlines()) > 0


def test_r09_what_waits_is_bounded_and_a_hole_says_how_many(path, caplog):
    recorder = Recorder(path, max_waiting=10_000)
    block = [b"[1,[%d,2,3]]" % n for n in range(10)]
    # Faster than it is written: a quarter of a second's worth waits.
    for _ in range(100):
        recorder.received(1, block)
        recorder.received(2, block[:1])
    recorder.lost(2, 1006, "gone")
    tries = 0

    def has_room():
        nonlocal tries
        tries += 1
        before = recorder.missing_count
        recorder.received(1, [HEARTBEAT])
        return recorder.missing_count == before

    wait_until(has_room)
    end(recorder)
    found = records(path)
    for number, count in ((1, 1_000 + tries), (2, 100)):
        mine = [r for r in found if r.connection == number]
        received = [r for r in mine if isinstance(r, Received)]
        missing = [r for r in mine if isinstance(r, Missing)]
        assert len(received) + sum(r.count for r in missing) == count
        assert missing and len(received) < count
    # It stands where the messages were; the loss is there although there was no room.
    assert [type(r) for r in found if r.connection == 1][-2:] == [Missing, Received]
    assert [type(r) for r in found if r.connection == 2][-2:] == [Missing, Lost]
    assert recorder.missing_count == sum(
        r.count for r in found if isinstance(r, Missing)
    )
    messages = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert set(messages) == {
        "the disk is too slow: messages are missing in a recording"
    }
    assert len(messages) == sum(isinstance(r, Missing) for r in found)


def test_r09_missing_messages_are_noted_before_the_connections_end(path):
    """Else what the next connection brings would be taken for what came after the hole."""
    recorder = Recorder(path, max_waiting=0)
    recorder.opened(1, "ws://host")
    recorder.received(1, [HEARTBEAT] * 3)
    recorder.lost(1, 1006, "gone")
    recorder.opened(1, "ws://host")
    recorder._max_waiting = MAX_WAITING_BYTES
    recorder.received(1, [HEARTBEAT])
    end(recorder)
    found = records(path)
    assert [type(r) for r in found] == [Opened, Missing, Lost, Opened, Received]
    assert found[1].count == 3


def test_threads_may_record_at_the_same_time(path):
    recorder = Recorder(path)

    def record(number):
        for n in range(500):
            recorder.received(number, [b"[%d,%d]" % (number, n)] * 2)

    threads = [threading.Thread(target=record, args=(n,)) for n in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    end(recorder)
    found = records(path)
    for number in (1, 2, 3):
        mine = [r.message for r in found if r.connection == number]
        assert mine == [b"[%d,%d]" % (number, n // 2) for n in range(1_000)]


def test_the_end_waits_for_all_that_came_before(path):
    recorder = Recorder(path)
    for n in range(2_000):
        recorder.received(1, [b"[%d]" % n] * 50)
    end(recorder)
    assert len(records(path)) == 100_000
    # With its trailer: a whole file.
    assert len(gzip.decompress(path.read_bytes()).splitlines()) == 100_001


def test_the_end_may_come_just_after_a_batch_was_collected(path):
    recorder = Recorder(path)

    class Batch(Latch):
        def wait(self, timeout=None):
            recorder.lost(1, 1006, "the last")
            recorder.stop()
            return False

    recorder._stopping = Batch()
    recorder.opened(1, "ws://127.0.0.1/ws/2")
    assert recorder.join(time.monotonic() + 5.0)
    assert [type(record) for record in records(path)] == [Opened, Lost]


def test_nothing_is_recorded_after_stop_which_may_be_repeated(path):
    recorder = Recorder(path)
    end(recorder)
    before = path.read_bytes()
    recorder.opened(1, "wss://host")
    recorder.received(1, [HEARTBEAT])
    recorder.sent(1, "{}")
    recorder.lost(1, 1000, "")
    end(recorder)
    assert path.read_bytes() == before


def test_a_disk_that_fails_is_reported_and_ends_the_recording(path, caplog):
    reports = []
    recorder = Recorder(path, reports.append)
    os.close(onto_a_pipe(recorder))
    recorder.received(1, [HEARTBEAT])
    wait_until(lambda: reports)
    assert reports == [recorder.error]
    assert type(recorder.error) is BfxError
    assert isinstance(recorder.error.__cause__, BrokenPipeError)
    assert "the recording has failed" in caplog.text
    for _ in range(3):
        # Nothing piles up.
        recorder.received(1, [bytes(MAX_WAITING_BYTES // 2)])
    assert recorder.missing_count == 0
    end(recorder)


def test_the_end_does_not_wait_for_ever_for_the_disk(path):
    recorder = Recorder(path)
    reader = onto_a_pipe(recorder)
    # More than a pipe holds: it waits for somebody to read.
    recorder.received(1, [os.urandom(1_000_000).hex().encode()])
    recorder.stop()
    begin = time.monotonic()
    assert not recorder.join(begin + 0.3)
    assert time.monotonic() - begin < at_most(1.0)
    os.close(reader)
    assert recorder.join(time.monotonic() + 5)
    assert isinstance(recorder.error.__cause__, BrokenPipeError)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
def test_the_child_of_a_fork_writes_nothing(path):
    recorder = Recorder(path)
    recorder.received(1, [HEARTBEAT])
    pid = os.fork()
    if pid == 0:
        try:
            recorder.received(1, [b"child"])
            recorder.sent(1, "child")
            recorder.lost(1, 1006, "child")
            recorder.stop()
            os._exit(0 if recorder.join(time.monotonic() + 1) else 2)
        finally:
            os._exit(1)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    recorder.received(1, [HEARTBEAT])
    end(recorder)
    assert [r.message for r in records(path)] == [HEARTBEAT, HEARTBEAT]


def test_r16_nothing_wakes_up_while_nothing_comes(path):
    recorder = Recorder(path)
    recorder.received(1, [HEARTBEAT])
    wait_until(lambda: records(path))
    before = time.process_time()
    threading.Event().wait(0.5)
    assert time.process_time() - before < 0.02
    end(recorder)


def test_both_directions_are_recorded(path):
    recorder = Recorder(path)
    recorder.sent(3, "{}")
    recorder.received(3, [b"{}"])
    end(recorder)
    lines = [json.loads(line) for line in text_of(path).splitlines()[1:]]
    assert [line["dir"] for line in lines] == [CLIENT, "server->client"]
