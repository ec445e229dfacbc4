"""Which functions can be callbacks, and what is said of the others."""

from __future__ import annotations

import collections
import functools
import logging
import operator
import queue
import sys
import threading
from unittest import mock

import pytest

from bfxsync import Client, UsageError, WebSocketClient
from bfxsync.checks.callbacks import check_callback, with_extra
from bfxsync.ws.dispatch.events import EVENTS, EXTRA_ARGUMENTS, arguments_of

NOWHERE = "ws://127.0.0.1:1/ws/2"


def one(update):
    return None


def two(subscription, update):
    return None


def any_number(*arguments):
    return None


def with_default(update, other=None, *, more=5):
    return None


def with_required_keyword(update, *, book):
    return None


def generator(update):
    yield update


async def coroutine(update):
    return None


async def async_generator(update):
    yield update


def injects(function):
    """A decorator that passes on more than it gets, and says what it wraps."""

    @functools.wraps(function)
    def wrapper(*arguments):
        return function("context", *arguments)

    return wrapper


class Strategy:
    def method(self, update): ...
    def of_two(self, subscription, update): ...

    @classmethod
    def of_class(cls, update): ...

    @staticmethod
    def static(update): ...


class Called:
    def __call__(self, update): ...


class CalledLater:
    async def __call__(self, update): ...


class Yields:
    def __call__(self, update):
        yield update


class Made:
    def __init__(self, update): ...


class Evasive:
    """A callable that cannot be inspected, hashed or printed."""

    def __call__(self, update): ...

    @property
    def __signature__(self):
        raise RuntimeError("signature")

    def __repr__(self):
        raise RuntimeError("repr")

    __hash__ = None


class Numpad:
    def __getattr__(self, name):
        raise RuntimeError(name)

    def __call__(self, update): ...


LEGAL = {
    "print": print,
    "deque.append": collections.deque().append,
    "list.append": [].append,
    "set.add": set().add,
    "dict.setdefault": {}.setdefault,
    "queue.put": queue.Queue().put,
    "queue.put_nowait": queue.Queue().put_nowait,
    "SimpleQueue.put": queue.SimpleQueue().put,
    "logger.info": logging.getLogger("somebody").info,
    "stdout.write": sys.stdout.write,
    "itemgetter": operator.itemgetter(0),
    "methodcaller": operator.methodcaller("x"),
    "type": str,
    "exit": sys.exit,
    "function": one,
    "*args": any_number,
    "default": with_default,
    "lambda": lambda update: None,
    "lambda of any": lambda *_, **__: None,
    "method": Strategy().method,
    "class method": Strategy.of_class,
    "static method": Strategy.static,
    "partial": functools.partial(two, "subscription"),
    "partial with keyword": functools.partial(with_required_keyword, book=1),
    "partial of print": functools.partial(print, "ticker:", end=""),
    "partial of method": functools.partial(Strategy().of_two, "subscription"),
    "wraps": injects(two),
    "wraps a coroutine function": injects(coroutine),
    "wraps a method": injects(Strategy().of_two),
    "cache": functools.lru_cache(one),
    "single dispatch": functools.singledispatch(one),
    "callable object": Called(),
    "class": Made,
    "class of callables": type("Later", (CalledLater,), {"__init__": any_number}),
    "evasive": Evasive(),
    "no attributes": Numpad(),
    "Mock": mock.Mock(),
    "MagicMock": mock.MagicMock(),
    "Mock of a function": mock.Mock(spec=one),
    "autospec": mock.create_autospec(one),
}

WRONG_NUMBER = {
    "two": two,
    "lambda": lambda subscription, trade: None,
    "none": lambda: None,
    "method": Strategy().of_two,
    "function of a class": Strategy.method,
    "partial": functools.partial(one, 1),
    "keyword": with_required_keyword,
    "event": threading.Event().set,
    "autospec": mock.create_autospec(two),
}

DOES_NOTHING = {
    "generator function": generator,
    "coroutine function": coroutine,
    "async generator function": async_generator,
    "async callable": CalledLater(),
    "generator callable": Yields(),
    "partial": functools.partial(generator),
    "partial of partial": functools.partial(functools.partial(coroutine)),
    "AsyncMock": mock.AsyncMock(),
    "generator method": Yields().__call__,
}


@pytest.mark.parametrize("name", LEGAL)
def test_what_can_be_called_with_an_update_is_taken(name):
    function = LEGAL[name]
    assert check_callback("callback", function, "update") is function


def test_no_callback_is_none():
    assert check_callback("callback", None, "update") is None


@pytest.mark.parametrize("name", WRONG_NUMBER)
def test_a_wrong_number_of_arguments_is_refused_with_the_right_form(name):
    with pytest.raises(UsageError) as caught:
        check_callback("callback", WRONG_NUMBER[name], "update")
    text = str(caught.value)
    assert "is called with 1 argument, def callback(update): ...;" in text
    assert "takes (" in text


@pytest.mark.parametrize("name", DOES_NOTHING)
def test_what_would_do_nothing_is_refused_with_the_reason(name):
    with pytest.raises(UsageError) as caught:
        check_callback("callback", DOES_NOTHING[name], "update")
    text = str(caught.value)
    assert "def callback(update): ..." in text and "would do nothing" in text
    assert ("yield" in text) == (name.startswith("generator") or name == "partial")


@pytest.mark.skipif(sys.version_info < (3, 10), reason="it cannot be called there")
def test_what_a_static_method_wraps_is_looked_at():
    with pytest.raises(UsageError, match="a generator function"):
        check_callback("callback", staticmethod(generator), "update")


@pytest.mark.parametrize("value", [5, "print", [print], object()])
def test_what_cannot_be_called_is_refused(value):
    with pytest.raises(UsageError, match="callback must be a function"):
        check_callback("callback", value, "update")


def test_a_refused_callable_need_not_be_printable():
    class Silent:
        __repr__ = Evasive.__repr__

    with pytest.raises(UsageError, match="<.*Silent object>"):
        check_callback("callback", Silent(), "update")


@pytest.mark.parametrize("event", sorted(EVENTS))
def test_handlers_of_each_event_take_its_arguments(event):
    count = len(arguments_of(event))
    fitting = eval(f"lambda {', '.join('abc'[:count])}: None")  # noqa: S307
    over = count + 1 + (event in EXTRA_ARGUMENTS)
    longer = eval(f"lambda {', '.join('abcd'[:over])}: None")  # noqa: S307
    with Client("paper-key", "paper-s", wss_host=NOWHERE) as whole:
        client = whole.wss
        for function in (fitting, print, any_number, mock.Mock()):
            assert client.on(event, function) is function
            client.off(event, function)
        form = f"def callback({', '.join(arguments_of(event))}): ..."
        for function in (longer, generator, coroutine):
            for register in (client.on(event), lambda f: client.on(event, f)):
                with pytest.raises(UsageError) as caught:
                    register(function)
                assert form in str(caught.value)
        assert not client._core.publisher.listeners.wants([event])


def test_an_unknown_event_is_refused_before_the_function_is_given():
    with WebSocketClient(NOWHERE) as client:
        for event in ("opened", None, 5, print):
            with pytest.raises(UsageError, match="unknown event"):
                client.on(event)


def test_each_callback_of_a_client_is_checked_at_its_line():
    with WebSocketClient(NOWHERE) as client:
        for options in (
            {"callback": two},
            {"callback": generator},
            {"on_event": two},
            {"on_event": coroutine},
        ):
            with pytest.raises(UsageError, match=next(iter(options))):
                client.subscribe("ticker", symbol="tBTCUSD", wait=False, **options)
        assert client.stats()["subscriptions"] == []
    for function in (two, coroutine, 5):
        with pytest.raises(UsageError, match="on_error"):
            WebSocketClient(NOWHERE, on_error=function)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda code, reason: (code, reason), (1, "a")),
        (lambda code, reason, again: (code, reason, again), (1, "a", True)),
        (lambda code, reason, again=None: (code, reason, again), (1, "a", None)),
        (lambda code, reason, back=None: (code, reason, back), (1, "a", True)),
        (lambda code, reason, *, back: (code, reason, back), (1, "a", True)),
        (lambda *all: all, (1, "a")),
        (lambda *back: back, (1, "a")),
        (functools.partial(print, end=""), None),
    ],
)
def test_one_more_argument_is_given_to_functions_that_take_it(function, expected):
    assert check_callback("callback", function, "code", "reason", extra="back")
    assert with_extra(function, 2, "back", True)(1, "a") == expected


def test_one_more_argument_is_not_given_where_nothing_is_known():
    class Unknown:
        __signature__ = "none"

        def __call__(self, *arguments):
            return arguments

    assert with_extra(Unknown(), 1, "back", True)(1) == (1,)
