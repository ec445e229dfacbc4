"""A shared budget in a file and in Redis: what it allows, and what it does with a broken store."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import weakref
from itertools import count
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest
from patience import at_most
from redis_server import RedisServer

from bfxsync import RequestTimeout, SharedBudget, UsageError
from bfxsync.shared_limits.budget import Turn
from bfxsync.shared_limits.file_store import FileStore
from bfxsync.shared_limits.outage import SETTLE_S
from bfxsync.shared_limits.registry import budget_of
from bfxsync.shared_limits.state import Now
from bfxsync.shared_limits.window import LATE_S, Limit

LIMIT = Limit(3, 60.0)
DEADLINE_S = at_most(20.0)
NUMBERS = count()


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(params=["file", "redis"])
def place(request: Any, tmp_path: Path) -> str:
    if request.param == "file":
        return str(tmp_path / "budget")
    server = request.getfixturevalue("server")
    # Budgets of earlier tests may still give signs of life.
    return f"{server.url}?address=office-{next(NUMBERS)}"


def ask(budget: SharedBudget, key: str = "a", limit: Limit = LIMIT) -> Turn:
    turn = budget.turn(key, limit)
    turn.ask()
    return turn


def until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not is_true():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def test_two_users_have_one_limit(place: str) -> None:
    one, two = SharedBudget(place), SharedBudget(place)
    for budget in (one, two, one):
        assert budget.turn("a", LIMIT).ask().wait_s == 0
    answer = two.turn("a", LIMIT).ask()
    assert 50.0 < answer.wait_s <= 60.0 and answer.used == 4
    assert answer.processes == 2
    assert two.turn("b", LIMIT).ask().wait_s == 0
    assert two.latest("a", 60.0).used == 4 and set(two.keys()) == {"a", "b"}
    assert two.stats()["processes"] == 2 and not two.stats()["is_away"]


def test_processes_learn_of_later_ones(place: str) -> None:
    one, two = SharedBudget(place), SharedBudget(place)
    ask(one)
    ask(two)
    until(lambda: one.stats()["processes"] == 2)


def test_a_dropped_budget_is_watched_no_longer(place: str) -> None:
    budget = SharedBudget(place)
    ask(budget)
    dropped = weakref.ref(budget)
    del budget
    until(lambda: dropped() is None)


def test_too_long_a_wait_books_nothing(place: str) -> None:
    budget = SharedBudget(place)
    for _ in range(3):
        ask(budget)
    for _ in range(2):
        answer = budget.turn("a", LIMIT).ask(1.0)
        assert not answer.is_booked and answer.used == 3


def test_who_gives_up_gives_back(place: str) -> None:
    budget = SharedBudget(place)
    turns = [ask(budget) for _ in range(3)]
    turns[1].give_up()
    until(lambda: budget.turn("a", LIMIT).ask(0.0).is_booked)


def test_an_interrupted_request_gives_its_slot_back(place: str) -> None:
    budget = SharedBudget(place)
    turn = budget.turn("a", LIMIT)
    turn.is_given_up = True  # as if interrupted before the answer
    turn.ask()
    assert budget.turn("a", LIMIT).ask().used == 1


def test_a_block_stops_all_users(place: str) -> None:
    one, two = SharedBudget(place), SharedBudget(place)
    limit = Limit(1, 2.0)
    ask(one, limit=limit)
    waiting = ask(two, limit=limit)
    one.block("a", 30.0)
    answer = waiting.ask()
    assert 20.0 < answer.wait_s <= 30.0 and answer.blocked_s > 20.0
    assert not waiting.ask(5.0).is_booked
    assert two.turn("a", limit).ask(0.0).wait_s > 20.0
    assert one.latest("a", 2.0).blocked_s > 20.0


def test_a_slot_is_claimed_when_it_is_due(place: str) -> None:
    budget, limit = SharedBudget(place), Limit(1, 0.3)
    ask(budget, limit=limit)
    waiting = budget.turn("a", limit)
    wait_s = waiting.ask().wait_s
    assert 0 < wait_s <= 0.3
    threading.Event().wait(wait_s)
    assert waiting.ask().wait_s == 0
    assert budget.turn("a", limit).ask(0.0).wait_s > 0


def test_a_late_claim_is_behind_the_others(place: str) -> None:
    budget, limit = SharedBudget(place), Limit(1, 1.0)
    ask(budget, limit=limit)
    waiting, other = budget.turn("a", limit), budget.turn("a", limit)
    wait_s, _ = waiting.ask().wait_s, other.ask()
    threading.Event().wait(wait_s + LATE_S + 0.1)
    assert waiting.ask().wait_s > 0


def test_names_of_addresses_have_budgets_of_their_own(server: RedisServer) -> None:
    server.client().flushall()
    for name in ("office", "home"):
        budget = SharedBudget(f"{server.url}?address={name}")
        assert [ask(budget).ask().used for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize("query", ["", "?address=", "?address=a%20b", "?adress=a"])
def test_redis_needs_the_name_of_an_address(query: str) -> None:
    with pytest.raises(UsageError, match="address"):
        SharedBudget(f"redis://:s3cret@127.0.0.1{query}")


def test_nothing_shows_the_password() -> None:
    budget = SharedBudget("redis://:s3cret@127.0.0.1?address=office")
    assert "s3cret" not in f"{budget!r} {budget.stats()}"


@pytest.mark.parametrize("make", [SharedBudget, budget_of])
@pytest.mark.parametrize("scheme", ["Redis", "http"])
def test_a_misspelled_url_is_no_path(make: Any, scheme: str) -> None:
    with pytest.raises(UsageError, match="redis://") as caught:
        make(f"{scheme}://bot:s3cret@127.0.0.1:6379/0?address=office")
    shown = traceback.TracebackException.from_exception(
        caught.value.with_traceback(caught.tb.tb_next), capture_locals=True
    )
    assert "s3cret" not in "".join(shown.format())


@pytest.mark.parametrize("value", [5, b"budget", None, "http://a\0b"])
def test_other_values_are_refused(value: Any) -> None:
    with pytest.raises(UsageError):
        budget_of(value)
    with pytest.raises(UsageError):
        SharedBudget(value)


def test_a_timeout_has_an_upper_bound(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at most 1 s"):
        SharedBudget(tmp_path / "budget", timeout=2.0)


def test_clients_of_a_process_have_the_same_budget(tmp_path: Path) -> None:
    budget = budget_of(tmp_path / "budget")
    assert budget_of(str(tmp_path / "." / "budget")) is budget
    assert budget_of(budget) is budget


# --- a file ---------------------------------------------------------------------------------------


def test_a_file_keeps_its_mode_and_its_link(tmp_path: Path) -> None:
    path, link = tmp_path / "budget", tmp_path / "link"
    path.touch(mode=0o600)
    link.symlink_to(path)
    (tmp_path / "budget.new").symlink_to(tmp_path / "other")
    ask(SharedBudget(link))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert link.is_symlink() and not (tmp_path / "other").exists()
    assert sorted(os.listdir(tmp_path)) == ["budget", "budget.lock", "link"]


@pytest.mark.parametrize("text", ["1764547200000000\n", "notes", "{}"])
def test_another_programs_file_is_not_changed(tmp_path: Path, text: str) -> None:
    path = tmp_path / "budget"
    path.write_text(text)
    with pytest.raises(UsageError, match="it was not changed"):
        SharedBudget(path)
    assert path.read_text() == text


def test_another_programs_lock_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "budget.lock").write_text("mine")
    with pytest.raises(UsageError, match="not a lock file"):
        SharedBudget(tmp_path / "budget")
    assert (tmp_path / "budget.lock").read_text() == "mine"


def test_a_file_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be used"):
        SharedBudget(tmp_path / "missing" / "budget")
    with pytest.raises(UsageError, match="cannot be used"):
        SharedBudget(tmp_path)


READ_ONLY = """
import os, sys
from bfxsync.shared_limits.budget import SharedBudget
from bfxsync.shared_limits.window import Limit
budget = SharedBudget(sys.argv[1] + "/budget")
assert budget.turn("a", Limit(8, 60.0)).ask().wait_s == 0
os.chmod(sys.argv[1], 0o555)
if os.getuid() == 0:
    os.setuid(65534)  # no mode stops root
answer = budget.turn("a", Limit(8, 60.0)).ask()
print(answer.is_away, budget.stats()["last_error"])
"""


def test_a_read_only_folder_begins_an_outage() -> None:
    # Not in a folder of pytest, which others may not enter.
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, "-c", READ_ONLY, folder]
        found = subprocess.run(
            program, capture_output=True, text=True, timeout=at_most(60.0)
        )
        os.chmod(folder, 0o755)
    assert found.stdout.startswith("True the shared budget"), found.stderr
    assert "Permission denied" in found.stdout
    assert "keeps to 1/1 of each limit" in found.stderr


@pytest.mark.parametrize("damage", ["corrupt", "absurd", "folder", "file for folder"])
def test_a_file_that_breaks_begins_an_outage(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "budget"
    budget = SharedBudget(path)
    ask(budget)
    good = path.read_bytes()
    if damage == "corrupt":
        path.write_bytes(good[:-5])
    elif damage == "absurd":
        path.write_bytes(good.replace(b'"blocked_until":0.0', b'"blocked_until":1e999'))
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        (folder / "budget.lock").unlink()
        path.unlink()
        folder.rmdir()
        folder.touch()
    answer = budget.turn("a", Limit(8, 60.0)).ask()
    assert answer.is_away and answer.wait_s > 50.0
    stats = budget.stats()
    assert stats["is_away"] and stats["outages"] == 1
    assert (
        "cannot be used" in stats["last_error"] or "not changed" in stats["last_error"]
    )
    if damage == "corrupt":
        assert path.read_bytes() == good[:-5]
        path.write_bytes(good)
        until(lambda: not budget.stats()["is_away"])


def test_a_clock_that_is_set_does_not_open_the_window(tmp_path: Path) -> None:
    times = [Now(1_000_000.0, 500.0)]
    store = FileStore(tmp_path / "budget", timeout_s=1.0, clock=lambda: times[0])
    for owner in "abc":
        assert store.request("p", "a", owner, LIMIT, 99.0).wait_s == 0
    for wall in (1_010_000.0, 900_000.0, 1_000_000.0):
        times[0] = Now(wall, times[0].running + 1.0)
        assert 50.0 < store.request("p", "a", "d", LIMIT, 99.0).wait_s < 60.0


KEEPS_THE_LOCK = """
import sys, threading
from bfxsync._base.process_lock import ProcessLock
with ProcessLock(sys.argv[1], what="test", failure="test").held(5.0):
    print("held", flush=True)
    threading.Event().wait()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Any]:
    """A process that holds the lock of the file until it is killed."""
    program = [sys.executable, "-c", KEEPS_THE_LOCK, str(tmp_path / "budget")]
    process = subprocess.Popen(program, stdout=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_killed_process_keeps_no_lock(tmp_path: Path, holder: Any) -> None:
    path = tmp_path / "budget"
    assert holder.stdout.readline() == b"held\n"
    with pytest.raises(RequestTimeout, match="was locked by others"):
        SharedBudget(path, timeout=0.1)
    holder.send_signal(signal.SIGKILL)
    holder.wait(DEADLINE_S)
    assert SharedBudget(path).turn("a", LIMIT).ask().wait_s == 0


def test_a_lock_that_is_held_for_long_is_an_outage(tmp_path: Path, holder: Any) -> None:
    path = tmp_path / "budget"
    assert holder.stdout.readline() == b"held\n"
    holder.send_signal(signal.SIGSTOP)
    budget = object.__new__(SharedBudget)
    with pytest.raises(RequestTimeout):
        budget.__init__(path, timeout=0.05)  # type: ignore[misc]
    holder.kill()
    holder.wait(DEADLINE_S)
    assert not SharedBudget(path).turn("a", LIMIT).ask().is_away


@pytest.mark.parametrize("loss", ["deleted", "emptied", "of another run", "window"])
def test_a_lost_file_is_noticed_at_once(tmp_path: Path, loss: str) -> None:
    path = tmp_path / "budget"
    one, two = SharedBudget(path), SharedBudget(path)
    for budget in (one, two, two):
        ask(budget)
    if loss == "deleted":
        path.unlink()
    elif loss == "emptied":
        path.write_bytes(b"")
    else:
        content = json.loads(path.read_bytes())
        if loss != "window":
            content["id"] = "other"
        path.write_text(json.dumps({**content, "windows": {}}))
    assert one.turn("a", LIMIT).ask().wait_s > 1.0
    assert "has lost data" in one.stats()["last_error"]
    if loss == "window":
        assert two.turn("a", LIMIT).ask().wait_s > 1.0

    def slots() -> int:
        window = json.loads(path.read_bytes() or b"{}").get("windows", {}).get("a", {})
        return len(window.get("slots", ()))

    # Also by the other one, which makes no request.
    until(lambda: path.exists() and slots() == 3)
    assert two.stats()["outages"] == 1
    until(lambda: one.turn("a", LIMIT).ask(0.0).wait_s > SETTLE_S)
    assert not one.stats()["is_away"]


def test_a_request_given_back_is_not_lost(place: str) -> None:
    budget = SharedBudget(place)
    ask(budget)
    turn = ask(budget)
    turn.give_up()
    until(lambda: budget._sent.latest("a", time.monotonic()) != turn.owner)
    until(lambda: budget.turn("a", LIMIT).ask(0.0).used == 2)
    assert budget.stats()["outages"] == 0


# --- Redis ----------------------------------------------------------------------------------------


def test_another_type_under_the_key_begins_an_outage(server: RedisServer) -> None:
    client = server.client()
    client.flushall()
    client.set("bfx:{limits:office}:a", "mine")
    budget = SharedBudget(f"{server.url}?address=office")
    assert budget.turn("a", LIMIT).ask().is_away
    assert "WRONGTYPE" in budget.stats()["last_error"]
    assert client.get("bfx:{limits:office}:a") == b"mine"


def test_a_full_server_still_counts() -> None:
    with RedisServer(maxmemory="1", maxmemory_policy="noeviction") as server:
        with pytest.raises(Exception, match="maxmemory"):
            server.client().set("other", "1")
        one, two = (SharedBudget(f"{server.url}?address=office") for _ in range(2))
        for budget in (one, two, one):
            assert budget.turn("a", LIMIT).ask().wait_s == 0
        one.block("a", 50.0)
        answer = two.turn("a", LIMIT).ask()
        assert answer.blocked_s > 20.0 and not answer.is_away


def test_a_user_without_permission_begins_an_outage(server: RedisServer) -> None:
    server.client().acl_setuser(
        "reader", enabled=True, passwords=["+s3cret"], commands=["+ping"], keys=["*"]
    )
    url = server.url.replace("127", "reader:s3cret@127")
    budget = SharedBudget(f"{url}?address=office")
    assert budget.turn("a", LIMIT).ask().is_away
    assert "permissions" in budget.stats()["last_error"]


def test_a_server_that_hangs_begins_an_outage() -> None:
    with RedisServer() as server:
        budget = SharedBudget(f"{server.url}?address=office", timeout=0.3)
        ask(budget)
        server.pause()
        answer = budget.turn("a", LIMIT).ask()
        assert answer.is_away and "Timeout" in budget.stats()["last_error"]
        server.resume()
        until(lambda: not budget.stats()["is_away"])


def test_a_lost_server_learns_what_was_sent(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "bfxsync")
    with RedisServer() as server:
        one, two = (SharedBudget(f"{server.url}?address=office") for _ in range(2))
        for budget in (one, two, two):
            ask(budget)
        one.block("b", 50.0)
        server.kill()
        for budget in (one, two):
            assert budget.turn("a", Limit(8, 60.0)).ask().is_away
            one.block("c", 50.0)
            ask(budget).give_up()
        server.start()
        for budget in (one, two):
            until(lambda: not budget.stats()["is_away"])
        settling = two.turn("a", LIMIT).ask()
        assert 0 < settling.wait_s <= SETTLE_S and not settling.is_away
        assert not two.turn("a", LIMIT).ask(0.0).is_booked
        until(lambda: two.turn("a", LIMIT).ask().wait_s > 5.0)
        for key in "bc":
            assert two.turn(key, LIMIT).ask().blocked_s > 20.0
    # Budgets of other tests may still be watched.
    lines = [each for each in caplog.messages if f":{server.port}/" in each]
    assert sum("the shared budget is away" in line for line in lines) == 2
    assert sum("is back after" in line for line in lines) == 2
    assert "keeps to 1/2 of each limit" in "".join(lines)


@pytest.mark.parametrize("loss", ["restart", "flush", "older", "window"])
def test_lost_data_is_noticed_at_once(loss: str) -> None:
    with RedisServer() as server:
        one, two = (SharedBudget(f"{server.url}?address=office") for _ in range(2))
        for budget in (one, two, two):
            ask(budget)
        slots, signs = "bfx:{limits:office}:a", "bfx:{limits:office}:processes"
        if loss == "restart":
            server.kill()
            server.start()
        client = server.client()
        if loss == "flush":
            client.flushall()
        elif loss == "window":
            client.delete(slots)  # as when it is evicted
            assert two.turn("a", LIMIT).ask().wait_s > 1.0
        elif loss == "older":
            client.delete(slots)
            seen = client.zrange(signs, 0, -1, withscores=True)
            client.zadd(signs, {process: at - 1_000 for process, at in seen})
        assert one.turn("a", LIMIT).ask().wait_s > 1.0
        # Also by the other one, which makes no request.
        until(lambda: client.zcard(slots) == 3)
        assert two.stats()["outages"] == 1


def test_a_clock_set_back_makes_no_request_wait_longer(server: RedisServer) -> None:
    client = server.client()
    client.flushall()
    budget = SharedBudget(f"{server.url}?address=office")
    for _ in range(3):
        ask(budget)
    budget.block("b", 50.0)
    del budget
    # As if all had been stored an hour ahead of the clock of now.
    for name in ("a", "processes"):
        name = f"bfx:{{limits:office}}:{name}"
        for member, at in client.zrange(name, 0, -1, withscores=True):
            client.zincrby(name, 3_600_000_000, member)
    client.incrby("bfx:{limits:office}:b:blocked", 3_600_000_000)
    budget = SharedBudget(f"{server.url}?address=office")
    for _ in range(2):
        answer = budget.turn("a", LIMIT).ask(0.0)
        assert 40.0 < answer.wait_s <= 60.0 and answer.used == 3
        assert 30.0 < budget.turn("b", LIMIT).ask(0.0).blocked_s <= 60.0
    # Once more, for a process that the store knows.
    client.set("bfx:{limits:office}:clock", 0)
    answer = budget.turn("a", LIMIT).ask(0.0)
    assert 30.0 < answer.wait_s <= 60.0 and not answer.is_away


def test_a_clock_set_forward_does_not_open_the_window() -> None:
    with RedisServer() as server:
        client = server.client()
        budget = SharedBudget(f"{server.url}?address=office")
        for _ in range(3):
            ask(budget)
        (_, before), *_ = client.zrange("bfx:{limits:office}:a", 0, 0, withscores=True)
        client.set("bfx:{limits:office}:clock", 50_000_000)
        assert budget.turn("a", LIMIT).ask(0.0).is_away
        assert "was set forward by" in budget.stats()["last_error"]
        slots, after = "bfx:{limits:office}:a", before + 40_000_000
        until(lambda: client.zcount(slots, after, "+inf") == 3)
        assert client.zcard(slots) == 3


def test_no_request_is_sent_while_others_are_restored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short = Limit(8, 1.0)
    with RedisServer() as server:
        budget = SharedBudget(f"{server.url}?address=office")
        turn = ask(budget, limit=short)
        budget.block("b", 50.0)
        server.kill()
        until(lambda: turn.ask().wait_s == 0 and budget.stats()["is_away"])
        block, waits = budget._store.block, []

        def block_later(key: str, seconds: float) -> None:
            # The requests sent so far have been added.
            waits.append(budget.turn("a", short).ask().wait_s)
            block(key, seconds)

        monkeypatch.setattr(budget._store, "block", block_later)
        server.start()
        until(lambda: bool(waits) and not budget.stats()["is_away"])
        assert min(waits) > 0
        monkeypatch.undo()
        budget.block("c", 50.0)
        assert server.client().exists("bfx:{limits:office}:c:blocked")


@pytest.mark.once
@pytest.mark.parametrize("call", ["seen", "restore"])
def test_an_unexpected_exception_ends_no_watch(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Otherwise requests would wait forever for the end of the outage."""
    budget = SharedBudget(f"{server.url}?address=office-{next(NUMBERS)}")
    ask(budget)
    good, errors = getattr(budget._store, call), [ValueError("unexpected")]

    def fail_once(*arguments: Any) -> Any:
        if errors:
            raise errors.pop()
        return good(*arguments)

    monkeypatch.setattr(budget._store, call, fail_once)
    if call != "seen":
        server.client().flushall()
    budget._wake.set()
    until(lambda: not errors and budget.turn("b", LIMIT).ask(0.0).is_booked)
    assert not budget.stats()["is_away"] and budget.stats()["outages"] == 1


def test_a_block_outlasts_the_loss_of_the_server() -> None:
    short = Limit(3, 1.0)
    with RedisServer() as server:
        one, two = (SharedBudget(f"{server.url}?address=office") for _ in range(2))
        one.block("a", 50.0)
        one.block("a", 1.0)
        for budget in (one, two):
            ask(budget, limit=short)
        server.kill()
        for budget in (one, two):
            answer = budget.turn("a", short).ask()
            assert answer.is_away and answer.blocked_s > 20.0
            assert answer.wait_s > 20.0


def test_an_unknown_number_of_processes_is_eight() -> None:
    with RedisServer() as server:
        server.kill()
        budget = SharedBudget(f"{server.url}?address=office")
        answer = budget.turn("a", Limit(16, 60.0)).ask()
        assert answer.is_away and answer.processes == 8 and answer.used == 3


# --- forks ----------------------------------------------------------------------------------------


FORKS = """
import os, sys
from bfxsync.shared_limits.budget import SharedBudget
from bfxsync.shared_limits.window import Limit
budget, limit = SharedBudget(sys.argv[1]), Limit(5, 60.0)
used = [budget.turn("a", limit).ask().used]
for _ in range(2):
    child = os.fork()
    if child == 0:
        answer = budget.turn("a", limit).ask()
        os._exit(answer.used * 10 + answer.processes)
    used.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
used.append(budget.turn("a", limit).ask().used)
print(used)
"""


ALONE = """
import os, sys
from bfxsync.shared_limits.budget import SharedBudget
from bfxsync.shared_limits.window import Limit
budget, limit = SharedBudget(sys.argv[1]), Limit(16, 60.0)
budget.turn("a", limit).ask()
os.kill(int(sys.argv[2]), 9)
child = os.fork()
if child == 0:
    answer = budget.turn("a", limit).ask()
    os._exit(answer.processes + 100 * answer.is_away)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_does_not_count_as_the_only_one() -> None:
    with RedisServer() as server:
        place = f"{server.url}?address=office"
        arguments = [place, str(server.process.pid)]
        found = subprocess.run(
            [sys.executable, "-c", ALONE, *arguments],
            capture_output=True,
            text=True,
            timeout=at_most(60.0),
        )
    assert found.stdout == "108\n", found.stderr


def test_a_forked_child_is_another_process(place: str) -> None:
    program = [sys.executable, "-W", "error", "-c", FORKS, place]
    found = subprocess.run(
        program, capture_output=True, text=True, timeout=at_most(60.0)
    )
    assert (found.stdout, found.stderr) == ("[1, 22, 33, 4]\n", "")
