"""The slow path: a block of messages one by one, with the exact place of what is wrong in it."""

from __future__ import annotations

from typing import Any, Callable

from bfxsync.errors import RemoteError
from bfxsync.wire.codec import Loads, parse
from bfxsync.wire.outputs import AnyOutput, Fail, Reopen, Report
from bfxsync.wire.websocket import Binary

Handle = Callable[[Any, int, "list[Any]", float], None]
"""Appends the outputs of a decoded message; the size of the message precedes them."""


def walk(loads: Loads, messages: list[bytes], handle: Handle, now: float) -> list[Any]:
    """Process a block message by message, until the socket must be replaced."""
    outputs: list[AnyOutput] = []
    for message in messages:
        before = len(outputs)
        try:
            if isinstance(message, Binary):
                raise RemoteError("a binary message", raw=message[:1000])
            handle(parse(loads, message), len(message), outputs, now)
        except RemoteError as exc:
            outputs.append(Report(exc))
        except RecursionError:
            outputs.append(Report(RemoteError("nested too deeply", raw=message[:1000])))
        if has_end(outputs[before:]):
            break
    return outputs


def has_end(outputs: list[Any]) -> bool:
    """Return whether the outputs end the socket."""
    return any(isinstance(output, (Reopen, Fail)) for output in outputs)
