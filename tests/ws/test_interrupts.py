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
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.000005, longest_s))
            while True:
                call()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        hits += 1
"""


def interrupt(body, rounds, **names):
    """Run a program with `interrupted`; it says "well" at its end."""
    limit = 25 if rounds < 5_000 else 240
    code, output, _ = run(
        INTERRUPTS + body, ROUNDS=rounds, LIMIT=limit, timeout=limit + 5.0, **names
    )
    assert (code, output) == (0, "well\n"), output


ROUNDS = [500, pytest.param(10_000, marks=LONG)]


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("policy", ["resync", "latest", "drop_oldest"])
def test_interrupted_readers_lose_and_double_nothing(policy, rounds):
    """Beside a writer and another reader, with a mailbox that is often full."""
    interrupt(
        """
from bfxsync.models import Gap, Trade
from bfxsync.ws.mailbox import Mailbox, Policy

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
assert not mailbox._readers, "a bell was left"
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
def test_an_interrupted_waiter_leaves_the_others_to_be_woken(rounds):
    interrupt(
        """
from queue import SimpleQueue
from bfxsync.latch import Latch

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
    assert not latch._bells, "a bell was left"
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
    book.levels(), book.snapshot()
    looks.append(book.verified_count)

signal.signal(signal.SIGALRM, look)
while len(looks) < ROUNDS:
    count = len(looks)
    signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00001, 0.0005))
    while count == len(looks):
        book.levels(), book.snapshot(), book.vwap(1)
client.close()
say("well")
""",
        rounds,
        URL=exchange.url,
    )
