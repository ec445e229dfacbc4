"""Replies: settled once, waited for by any thread, and never lost."""

from __future__ import annotations

import gc
import threading

import pytest
from interrupts import interrupted_before_each_bytecode
from patience import at_most
from replies import Owner

from bfxsync import ClosedError, NetworkError, OrderRejected, OutcomeUnknown, UsageError
from bfxsync.ws.replies import Reply, Request
from bfxsync.ws.reply_table import ReplyTable

LIMIT_S = at_most(5.0)


@pytest.fixture
def owner():
    owner = Owner()
    yield owner
    owner.close()


def new(owner, **fields):
    return Reply(owner, Request("cancel_order of id 7", {"id": 7}, **fields))


def test_result_is_returned_to_every_caller(owner):
    reply = new(owner)
    owner.perform(reply.settle, "value")
    assert reply.done()
    assert [reply.result(), reply.result(0), reply.exception()] == [
        "value",
        "value",
        None,
    ]


def test_threads_wait_until_it_is_settled(owner):
    reply, results = new(owner), []
    threads = [
        threading.Thread(target=lambda: results.append(reply.result(LIMIT_S)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    owner.perform(reply.settle, "value")
    for thread in threads:
        thread.join(LIMIT_S)
    assert results == ["value"] * 4


def test_only_the_first_outcome_counts(owner):
    reply = new(owner)
    for value, error in (("first", None), ("second", None), (None, ClosedError("no"))):
        owner.perform(reply.settle, value, error)
    assert reply.result() == "first"


def test_each_call_raises_the_error_with_its_own_traceback(owner):
    reply = new(owner)
    reply.settle(None, OrderRejected("no funds", code=10001))
    depths = []
    for _ in range(3):
        with pytest.raises(OrderRejected) as caught:
            reply.result()
        depths.append(len(caught.traceback))
    assert len(set(depths)) == 1
    assert str(reply.exception()) == "cancel_order of id 7: no funds (code 10001)"


@pytest.mark.parametrize("was_sent, phase", [(False, "send"), (True, "receive")])
def test_unanswered_one_is_unknown_and_stays_open(owner, was_sent, phase):
    reply = new(owner, cid=5, cid_date="2026-01-31")
    if was_sent:
        reply.mark_sent()
    with pytest.raises(OutcomeUnknown) as caught:
        reply.result(0)
    error = caught.value
    assert (error.phase, error.cid, error.cid_date) == (phase, 5, "2026-01-31")
    assert error.known == {"id": 7} and not error.retryable and not reply.done()
    owner.perform(reply.settle, "value")
    # It waits for the reply, too.
    assert error.resolve(1) == reply.result() == "value"


def test_default_timeout_is_that_of_the_client(owner):
    with pytest.raises(OutcomeUnknown):
        new(owner).result()


@pytest.mark.parametrize("timeout", [-1, float("nan"), "5", True, 10**9])
def test_impossible_timeout_is_refused(owner, timeout):
    reply = new(owner)
    for wait in (reply.result, reply.exception):
        with pytest.raises(UsageError, match="timeout must be a number of seconds"):
            wait(timeout)


def test_the_io_thread_cannot_wait_but_may_read(owner):
    reply = new(owner)
    owner.forbidden = UsageError("cannot block here")
    with pytest.raises(UsageError, match="cannot block here"):
        reply.result()
    reply.settle("value")
    assert reply.result() == "value"


def test_forked_child_does_not_wait_for_the_threads_of_its_parent(owner):
    reply = new(owner)
    owner.lifetime.is_forked = True
    with pytest.raises(ClosedError, match="belong to the parent process"):
        reply.result(LIMIT_S)


# --- callbacks --------------------------------------------------------------------------------


def test_callbacks_run_on_the_dispatch_thread_in_order(owner, record):
    reply, calls = new(owner), record()
    for number in range(3):
        reply.add_done_callback(
            lambda it, n=number: calls(n, it, threading.current_thread().name)
        )
    owner.perform(reply.settle, "value")
    assert calls.wait_for(3) == [(n, reply, "bfxsync-dispatch") for n in range(3)]


def test_callback_added_later_is_called_as_well(owner, record):
    reply, calls = new(owner), record()
    owner.perform(reply.settle, "value")
    reply.add_done_callback(lambda it: calls(threading.current_thread().name))
    assert calls.wait_for(1) == ["bfxsync-dispatch"]


def test_callback_added_after_the_end_is_called_at_once(owner):
    reply, calls = new(owner), []
    reply.settle("value")
    owner.close()
    reply.add_done_callback(calls.append)
    reply.add_done_callback(lambda it: 1 / 0)
    assert calls == [reply]
    assert [type(error) for error in owner.errors] == [ZeroDivisionError]


def test_interrupt_loses_no_callback_of_another_thread(owner, record):
    """Before each bytecode of the thread that adds one of its own."""
    mine, others, replies = record(), record(), [new(owner) for _ in range(2_000)]
    for reply in replies:
        owner.perform(reply.settle, "value")
        # As far as another thread has come; it goes on below.
        reply._callbacks.append(others)
    rest = iter(replies)
    interrupted_before_each_bytecode(lambda: next(rest).add_done_callback(mine))
    used = replies[: len(replies) - len(list(rest))]
    for reply in used:
        reply._call_late()
    others.wait_for(len(used))
    assert sorted(map(id, others.items)) == sorted(map(id, used)) and len(used) > 20


def test_each_callback_of_racing_threads_is_called_once(owner, record):
    reply, calls, start = new(owner), record(), threading.Barrier(5)

    def add(number):
        start.wait(LIMIT_S)
        for step in range(20):
            reply.add_done_callback(lambda it: calls((number, step)))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    start.wait(LIMIT_S)
    owner.perform(reply.settle, "value")
    for thread in threads:
        thread.join(LIMIT_S)
    assert len(calls.wait_for(80)) == 80


def test_raising_callback_is_reported_and_isolated(owner, record):
    reply, calls = new(owner), record()
    reply.add_done_callback(lambda it: 1 / 0)
    reply.add_done_callback(calls)
    owner.perform(reply.settle, "value")
    assert calls.wait_for(1) == [reply]
    assert [type(error) for error in owner.errors] == [ZeroDivisionError]


def test_callback_may_wait_for_a_reply(owner, record):
    first, second, results = new(owner), new(owner), record()
    first.add_done_callback(lambda it: results(second.result(LIMIT_S)))
    owner.perform(first.settle, "first")
    owner.perform(second.settle, "second")
    assert results.wait_for(1) == ["second"]


def test_callback_with_other_parameters_is_refused(owner):
    with pytest.raises(UsageError, match="function is called with 1 argument"):
        new(owner).add_done_callback(lambda: None)


# --- the end ----------------------------------------------------------------------------------

CLOSED = ClosedError("the client was closed")


@pytest.mark.parametrize("error", [CLOSED, NetworkError("no host", phase="connect")])
def test_unsent_one_ends_with_the_reason(owner, error):
    reply = new(owner)
    reply.end(error)
    with pytest.raises(type(error), match=str(error)):
        reply.result()


def test_one_in_flight_at_the_end_stays_unknown(owner):
    reply = new(owner, cid=5)
    reply.mark_sent()
    reply.end(CLOSED)
    reply.end(ClosedError("again"))
    assert reply.done()
    with pytest.raises(OutcomeUnknown, match="no answer: the client was closed") as it:
        reply.result()
    assert it.value.cid == 5 and it.value.__cause__ is CLOSED
    assert not it.value.can_resolve


def test_table_ends_what_is_left_and_keeps_nothing(owner):
    table = ReplyTable()
    replies = [new(owner) for _ in range(4)]
    for reply in replies:
        table.add(reply)
    table.settle(replies[0], "value")
    table.discard(replies[1])
    assert len(table) == 2
    table.end(CLOSED)
    assert len(table) == 0
    assert [reply.done() for reply in replies] == [True, False, True, True]
    table.add(replies[1])
    table.forget()
    assert len(table) == 0


@pytest.mark.parametrize("is_read", [False, True])
def test_failure_that_nobody_reads_is_reported(owner, is_read):
    reply, error = new(owner), OrderRejected("no funds")
    reply.settle(None, error)
    if is_read:
        reply.exception()
    del reply
    gc.collect()
    assert owner.unread == ([] if is_read else [error])


@pytest.mark.parametrize(
    "prepare, state",
    [
        (lambda reply: None, "not sent yet"),
        (lambda reply: reply.mark_sent(), "in flight"),
        (lambda reply: reply.settle("value"), "done"),
        (lambda reply: reply.settle(None, CLOSED), "failed: the client was closed"),
    ],
    ids=["new", "sent", "done", "failed"],
)
def test_repr_names_the_call_and_its_state(owner, prepare, state):
    reply = new(owner)
    prepare(reply)
    assert repr(reply) == f"<Reply cancel_order of id 7: {state}>"
    assert repr(Reply.__new__(Reply)).startswith("<Reply")
