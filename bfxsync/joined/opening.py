"""Checks the arguments of a history, and creates it."""

from __future__ import annotations

from functools import partial
from typing import Any

from bfxsync._base.aliases import Mts
from bfxsync.checks.callbacks import check_callback
from bfxsync.checks.containers import optional
from bfxsync.checks.options import check_bool, check_mailbox_size
from bfxsync.checks.times import check_seconds
from bfxsync.errors import UsageError
from bfxsync.joined.history import Consumer, JoinedHistory
from bfxsync.joined.plans import (
    Plan,
    candle_plan,
    check_range,
    in_the_past,
    trade_plan,
)
from bfxsync.joined.registry import Histories


def open_candles(
    client: Any,
    symbol: object,
    timeframe: object,
    *,
    callback: Any,
    on_close: Any,
    closed: object,
    **options: Any,
) -> JoinedHistory[Any]:
    """See `Client.candles`."""
    check_callback("callback", callback, "candle")
    check_callback("on_close", on_close, "candle")
    has_callback = callback is not None or on_close is not None
    if check_bool("closed", closed) and has_callback:
        raise UsageError("closed=True is for iterating; pass on_close instead of it")
    consumer, options = _consumer(
        client._histories, options, callback=callback, on_close=on_close
    )
    numbers = client._histories.options["numbers"]
    plan = partial(candle_plan, symbol, timeframe, numbers=numbers)
    since, until = check_range(options.pop("since"), options.pop("until"))
    wanted = plan(
        since,
        until,
        wants_states=callback is not None or not (has_callback or closed),
        wants_closes=on_close is not None or bool(closed),
        **options,
    )

    def past() -> Plan:
        found = plan(since, until, wants_states=False, wants_closes=True, **options)
        return in_the_past(found) if until is None else found

    return JoinedHistory(client, client._histories, wanted, consumer(past))


def open_trades(
    client: Any, symbol: object, *, callback: Any, **options: Any
) -> JoinedHistory[Any]:
    """See `Client.trades`."""
    check_callback("callback", callback, "trade")
    consumer, options = _consumer(client._histories, options, callback=callback)
    since, until = check_range(options.pop("since"), options.pop("until"))
    numbers = client._histories.options["numbers"]

    def plan(last: Mts | None) -> Plan:
        return trade_plan(symbol, since, last, numbers=numbers, **options)

    wanted = plan(until)

    def past() -> Plan:
        if until is not None:
            return wanted
        now_mts = max(int(client._histories.access.clock.now_mts()), wanted.start)
        return in_the_past(plan(now_mts))

    return JoinedHistory(client, client._histories, wanted, consumer(past))


def _consumer(
    histories: Histories, options: dict[str, Any], **callbacks: Any
) -> tuple[Any, dict[str, Any]]:
    """Check what all histories have in common; return the consumer, and the other options."""
    on_event = options.pop("on_event")
    mailbox_size, timeout = options.pop("mailbox_size"), options.pop("timeout")
    check_callback("on_event", on_event, "event")
    if mailbox_size is not None:
        check_mailbox_size(mailbox_size)
    optional(check_seconds, "timeout", timeout)
    has_callback = any(callback is not None for callback in callbacks.values())
    if on_event is not None and not has_callback:
        raise UsageError("on_event needs a callback; iterate over events() otherwise")
    if has_callback and histories.wss._core.dispatcher.is_inline:
        raise UsageError(
            "a history with a callback needs a dispatch thread; with dispatch_threads=0 iterate "
            "over it"
        )

    def make(past_plan: Any) -> Consumer:
        return Consumer(
            on_event=on_event,
            mailbox_size=mailbox_size,
            timeout=timeout,
            past_plan=past_plan,
            **callbacks,
        )

    return make, options
