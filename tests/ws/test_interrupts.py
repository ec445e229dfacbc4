"""Ctrl-C at any moment: nobody else is stopped by it, and nothing is lost or doubled."""

from __future__ import annotations

import pytest
from scripts import run

LONG = [pytest.mark.long, pytest.mark.timeout(300)]

# What Ctrl-C does, at moments of a timer: between any two steps of the main thread.
INTERRUPTS = """
import random

signal.signal(signal.SIGALRM, signal.default_int_handler)
faulthandler.dump_traceback_later(LIMIT, exit=True)
hits = 0

def interrupted(call, longest_s=0.0003):
    '''Call a function again and again until it is interrupted.'''
    global hits
    try:
        try:
            # Once more much later: a signal just before the system's own wait interrupts nothing.
            delay_s = random.uniform(0.000005, longest_s)
            signal.setitimer(signal.ITIMER_REAL, delay_s, 0.5)
            while True:
                call()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        hits += 1
"""


def interrupt(body, rounds, **names):
    """Run a program with `interrupted`; it says "well" at its end."""
    limit = 30 if rounds < 1_000 else 200
    code, output, _ = run(
        INTERRUPTS + body, ROUNDS=rounds, LIMIT=limit, timeout=limit + 5.0, **names
    )
    assert (code, output) == (0, "well\n"), output


ROUNDS = [300, pytest.param(10_000, marks=LONG)]


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("policy", ["resync", "latest", "drop_oldest"])
def test_interrupted_readers_lose_and_double_nothing(policy, rounds):
    """Beside a writer and another reader, with a mailbox that is often full."""
    interrupt(
        """
from bfxsync.models import Gap, Trade
from bfxsync.ws.dispatch.mailbox import Mailbox, Policy

mailbox = Mailbox(SIZE, Policy(POLICY))
mine, others, put = [], [], 0
is_over = False

def write():
    global put
    while not is_over:
        block = [Trade(put + n, 0, 1.0, 1.0) for n in range(random.randrange(1, 8))]
        put += len(block)
        mailbox.put(block, list)
        time.sleep(0.00005)
    mailbox.close()

def read():
    try:
        while True:
            others.append(mailbox.get())
    except StopIteration:
        pass

threads = [threading.Thread(target=target, daemon=True) for target in (write, read)]
for thread in threads:
    thread.start()

def take(timeout_s):
    try:
        mine.append(mailbox.get(timeout_s))
    except TimeoutError:
        pass

for n in range(ROUNDS):
    timeout_s = (None, 0.00005, 0.0)[n % 3]
    interrupted(lambda: take(timeout_s))
is_over = True
for thread in threads:
    thread.join(10.0)
    assert not thread.is_alive()
assert not mailbox._readers, "a lock was left"
items = mine + others
ids = [item.id for item in items if isinstance(item, Trade)]
dropped = sum(item.dropped for item in items if isinstance(item, Gap))
# An item that the interrupted thread held already is gone with it.
lost = put - len(ids) - mailbox.dropped_count
assert len(set(ids)) == len(ids)
assert 0 <= lost <= hits and dropped <= mailbox.dropped_count, (lost, hits)
each = [[i.id for i in taken if isinstance(i, Trade)] for taken in (mine, others)]
assert each == [sorted(taken) for taken in each]
assert hits > ROUNDS * 0.9, hits
say("well")
""",
        rounds,
        POLICY=policy,
        SIZE=8,
    )


@pytest.mark.parametrize("rounds", ROUNDS)
def test_an_interrupted_writer_leaves_the_dispatch_threads_awake(rounds):
    """Such as a finalizer on the main thread, which ends the client."""
    interrupt(
        """
from bfxsync.ws.dispatch.ready_queue import ReadyQueue, Sleeper

ready, got, put = ReadyQueue(), [], 0

def consume():
    sleeper = Sleeper()
    for item in iter(lambda: ready.get(sleeper), None):
        got.append(item)
    ready.put(None)

threads = [threading.Thread(target=consume, daemon=True) for _ in range(2)]
for thread in threads:
    thread.start()

def write():
    global put
    ready.put(put)
    put += 1

for _ in range(ROUNDS):
    interrupted(write)
    before = len(got)
    ready.put("next")
    deadline = time.monotonic() + 10.0
    while len(got) == before or ready.items:
        assert time.monotonic() < deadline, "all sleep on"
        time.sleep(0)
ready.put(None)
for thread in threads:
    thread.join(10.0)
    assert not thread.is_alive()
assert not ready._sleepers
numbers = [item for item in got if item != "next"]
assert set(range(put)) <= set(numbers) and len(numbers) <= put + hits
assert hits > ROUNDS * 0.9, hits
say("well")
""",
        rounds,
    )


@pytest.mark.parametrize("rounds", ROUNDS)
def test_an_interrupted_waiter_leaves_the_others_to_be_woken(rounds):
    interrupt(
        """
from queue import SimpleQueue
from bfxsync._base.latch import Latch

passed, inboxes = SimpleQueue(), [SimpleQueue() for _ in range(2)]

def wait(inbox):
    for latch in iter(inbox.get, None):
        passed.put(latch.wait(10.0))

waiters = [threading.Thread(target=wait, args=(inbox,), daemon=True) for inbox in inboxes]
for waiter in waiters:
    waiter.start()
for number in range(ROUNDS):
    latch = Latch()
    for inbox in inboxes:
        inbox.put(latch)
    # Not for ever: a signal just before the system's own wait interrupts nothing.
    timeout_s = (0.01, 0.00005, 0.0)[number % 3]
    interrupted(lambda: latch.wait(timeout_s))
    latch.set()
    assert latch.wait(0) and latch.wait()
    assert all(passed.get(timeout=15.0) for _ in waiters), "one sleeps on"
    assert not latch._waiters, "a lock was left"
for inbox in inboxes:
    inbox.put(None)
assert hits > ROUNDS * 0.9, hits
say("well")
""",
        rounds,
    )


@pytest.mark.parametrize("rounds", ROUNDS)
def test_a_signal_handler_may_read_what_it_has_interrupted(exchange, rounds):
    """Of a book, and of the counters: whatever the main thread was reading just then."""
    interrupt(
        """
client = WebSocketClient(URL)
book = client.subscribe_book("tBTCUSD").book
looks = []

def look(*_):
    book.levels(), book.snapshot(), client.stats()
    looks.append(book.verified_count)

signal.signal(signal.SIGALRM, look)
while len(looks) < ROUNDS:
    count = len(looks)
    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00001, 0.0005))
    while count == len(looks):
        book.levels(), book.snapshot(), book.vwap(1), client.stats()
client.close()
say("well")
""",
        rounds,
        URL=exchange.url,
    )


@pytest.mark.parametrize(
    "threads, rounds",
    [(1, 150), *(pytest.param(threads, 4_000, marks=LONG) for threads in (0, 1))],
)
def test_a_client_goes_on_whatever_call_is_interrupted(exchange, rounds, threads):
    interrupt(
        """
client = WebSocketClient(URL, dispatch_threads=THREADS)
trades = client.subscribe_trades("tBTCUSD")
items, book = iter(trades), client.subscribe_book("tBTCUSD").book
got = []
client.subscribe_book("tBTCUSD", got.append, prec="P1")

def ignore(subscription, trade):
    pass

def subscribe():
    # Of which nothing comes, so that it is interrupted before it returns.
    client.subscribe_status("deriv:tNOPEF0:USTF0", timeout=60.0)

def listen():
    client.on("t_trade_execution", ignore)
    client.off("t_trade_execution")

calls = [
    lambda: next(items),
    lambda: trades.get(0.001),
    lambda: trades.get(),
    lambda: (book.levels(), book.snapshot()),
    lambda: client.stats(),
    lambda: client.wait_ready(),
    lambda: client.ping(),
    subscribe,
    listen,
]
for number in range(ROUNDS):
    try:
        interrupted(calls[number % len(calls)], 0.003)
    except RequestTimeout:
        pass
    if number % 20 == 19:
        # Everybody else goes on, and so does this thread.
        count = len(got)
        client.ping(10.0)
        deadline = time.monotonic() + 10.0
        while len(got) == count:
            assert time.monotonic() < deadline, (client.status, client.exception)
            time.sleep(0.001)
        assert client.status is ConnectionStatus.OPEN and book.is_live
deadline = time.monotonic() + 10.0
while len(client.stats()["subscriptions"]) > 3:
    assert time.monotonic() < deadline, "an interrupted subscribe leaves nothing behind"
    time.sleep(0.001)
client.close()
assert [t.name for t in threading.enumerate() if "bfxsync" in t.name] == []
assert hits > ROUNDS / 2, hits
say("well")
""",
        rounds,
        URL=exchange.url,
        THREADS=threads,
    )


@pytest.mark.parametrize(
    "threads, rounds",
    [(1, 5), *(pytest.param(threads, 100, marks=LONG) for threads in (0, 1, 3))],
)
def test_r10_two_quick_interrupts_of_run_leave_no_thread(exchange, rounds, threads):
    interrupt(
        """
def interrupt(*_):
    # The second one comes while the first one closes, or just after that.
    if next(signals):
        signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00001, 0.003))
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
for number in range(ROUNDS):
    signals = iter([True, False])
    try:
        try:
            with WebSocketClient(URL, dispatch_threads=THREADS) as client:
                handle = client.subscribe_trades("tBTCUSD", lambda trade: None)
                signal.setitimer(signal.ITIMER_REAL, 0.005)
                client.run()
        finally:
            # Where everything had ended before the second one.
            while signals.__length_hint__():
                time.sleep(0.001)
    except KeyboardInterrupt:
        hits += 1
    deadline = time.monotonic() + 5.0
    while any("bfxsync" in thread.name for thread in threading.enumerate()):
        assert time.monotonic() < deadline, threading.enumerate()
        time.sleep(0.001)
    assert client.status is ConnectionStatus.CLOSED and not handle.is_active
assert hits == ROUNDS
say("well")
""",
        rounds,
        URL=exchange.url,
        THREADS=threads,
    )
