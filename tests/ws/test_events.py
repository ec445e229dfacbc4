"""Handlers that come and go."""

from __future__ import annotations

import threading

import pytest

from bfxsync import UsageError
from bfxsync.ws.dispatch.events import Listeners


def called(listeners, event="open"):
    """Return what the handlers of an event note when it comes."""
    errors, notes = [], []
    listeners.emit(event, notes, report=errors.append)
    assert errors == []
    return notes


def one(notes):
    notes.append("one")


def two(notes):
    notes.append("two")


class Robot:
    def handle(self, notes):
        notes.append("robot")


def test_handlers_are_called_in_the_order_of_their_registration():
    listeners = Listeners()
    for handler in (one, two, one):
        listeners.add("open", handler)
    assert called(listeners) == ["one", "two", "one"]


def test_a_removed_handler_is_not_called_but_others_are():
    listeners, robot = Listeners(), Robot()
    for handler in (one, robot.handle, two, one):
        listeners.add("open", handler)
    listeners.remove("open", one)
    assert called(listeners) == ["robot", "two"]
    listeners.remove("open", robot.handle)
    assert called(listeners) == ["two"] and listeners.wants(["open"])
    listeners.remove("open", two)
    assert called(listeners) == [] and not listeners.wants(["open"])


def test_all_handlers_of_an_event_can_be_removed():
    listeners = Listeners()
    listeners.add("open", one)
    listeners.add("fatal", two)
    for _ in range(2):
        listeners.remove("open", None)
        assert called(listeners) == [] and not listeners.wants(["open"])
    assert called(listeners, "fatal") == ["two"]


def test_an_unregistered_handler_cannot_be_removed():
    listeners = Listeners()
    listeners.add("open", one)
    for event, handler in (("open", two), ("fatal", one)):
        with pytest.raises(UsageError, match="is not registered"):
            listeners.remove(event, handler)
    for event in ("opened", None):
        with pytest.raises(UsageError, match="unknown event"):
            listeners.remove(event, one)
    assert called(listeners) == ["one"]


def test_handlers_may_come_while_one_is_taken_back():
    """As in a signal handler, or in the comparison of handlers."""
    listeners = Listeners()

    class Peculiar:
        def __call__(self, notes):
            notes.append("peculiar")

        def __eq__(self, other):
            listeners.add("open", one)
            listeners.remove("fatal", None)
            return self is other

    peculiar = Peculiar()
    listeners.add("open", peculiar)
    listeners.add("open", two)
    listeners.remove("open", two)
    assert set(called(listeners)) == {"peculiar", "one"}


def test_handlers_come_and_go_while_data_comes(client, record):
    first, second = record(), record()

    def take(subscription, level):
        first(level)

    client.on("t_book_update", take)
    client.on("t_book_update", lambda subscription, level: second(level))
    client.subscribe_book("tBTCUSD")
    first.wait_for(5)
    client.off("t_book_update", take)
    # Whatever was under way is over when the next one has been handled.
    second.wait_for(len(second.items) + 2)
    count = len(first.items)
    second.wait_for(len(second.items) + 5)
    assert len(first.items) == count
    client.on("t_book_update", take)
    first.wait_for(count + 5)


def test_a_handler_may_take_itself_back(client, record):
    calls, after, is_over = record(), record(), threading.Event()

    @client.on("t_book_update")
    def once(subscription, level):
        calls(level)
        client.off("t_book_update", once)
        is_over.set()

    client.on("t_book_update", lambda subscription, level: after(is_over.is_set()))
    client.subscribe_book("tBTCUSD")
    after.wait_for(10)
    assert len(calls.items) == 1 and all(after.items)


def test_confirmations_are_made_only_for_registered_handlers(client, record):
    got, trades = record(), record()

    def take(subscription, trade):
        got(trade)

    client.on("t_trade_execution_update", take)
    handle = client.subscribe_trades("tBTCUSD", trades)
    got.wait_for(1)
    client.off("t_trade_execution_update", take)
    client.ping()
    assert not handle._subscriber.channel.extras
