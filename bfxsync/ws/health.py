"""Tells probes whether a client works, from what its threads have published."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Iterable

from bfxsync._base.describe import error_text
from bfxsync._base.enums import ConnectionStatus, SubscriptionStatus
from bfxsync.checks.containers import optional
from bfxsync.checks.times import check_seconds
from bfxsync.ws.core.core import Core
from bfxsync.ws.core.subscriber import Subscriber
from bfxsync.ws.io.link import Link

if TYPE_CHECKING:
    from typing_extensions import Protocol

    class HasCore(Protocol):
        """A client, as far as this method uses it."""

        _core: Core


_FEW = 3
_LIVE = str(SubscriptionStatus.LIVE.value)
# Nothing can be wrong with what has ended, if it is not removed yet.
_GOOD = (
    _LIVE,
    SubscriptionStatus.REJECTED.value,
    SubscriptionStatus.FAILED.value,
    SubscriptionStatus.CLOSED.value,
)


def health(self: HasCore, *, stuck_after: float | None = None) -> dict[str, Any]:
    """
    Return whether the client works, for liveness and readiness probes.

    Never blocks, sends nothing, and may be called from any thread, callback or signal handler. A
    lost connection makes a client not ready; it stays alive, as it reconnects automatically.

    Parameters
    ----------
    stuck_after : float, optional
        The client also counts as not alive if callbacks have been running for so many seconds
        without a pause, such as in a deadlock. They pause after at most 256 updates, so choose
        more than 256 slow callbacks may take. By default callbacks may take any time.

    Returns
    -------
    dict
        JSON-serializable. ``is_alive``: the client is neither closed nor ended by a fatal error,
        and its threads run; if not, restart the process. ``is_ready``: in addition all connections
        are open, that of the account authenticated, and all subscriptions are live and not stale;
        subscriptions that were refused, or ended by themselves, do not count. ``reasons``: why it
        is not alive, or else not ready, as texts; empty if it is ready. ``status``: of the (first)
        connection. ``connections`` and ``subscriptions``: their numbers; ``open_connections`` and
        ``live_subscriptions``: those that are in order. ``is_authenticated``: whether the
        connection of the account is, or None if the account was not used. ``is_forked``: whether
        the connections belong to the parent process; ``wss.start()`` opens new ones.
    """
    stuck_after_s = optional(check_seconds, "stuck_after", stuck_after)
    core = self._core
    subscribers, links, _ = core.placement.overview()
    states = Counter(_state(subscriber) for subscriber, _ in subscribers)
    not_open = [link for link in links if link.status is not ConnectionStatus.OPEN]
    account = core.placement.account_link
    dead = _why_dead(core, links, stuck_after_s)
    missing = [*map(_why_not_open, not_open), *_why_not_live(subscribers)]
    if not links:
        missing.append("not connected: nothing was subscribed or started")
    return {
        "is_alive": not dead,
        "is_ready": not (dead or missing),
        "reasons": dead or missing,
        "status": core.status.value,
        "connections": len(links),
        "open_connections": len(links) - len(not_open),
        "subscriptions": len(subscribers),
        "live_subscriptions": states[_LIVE],
        "is_forked": core.lifetime.is_forked,
        "is_authenticated": None if account is None else account not in not_open,
    }


def _why_dead(
    core: Core, links: tuple[Link, ...], stuck_after_s: float | None
) -> list[str]:
    """Return why the client does not work and will not recover; no reasons if it may."""
    lifetime = core.lifetime
    if lifetime.is_forked:
        return [str(lifetime.forked_error())]
    if lifetime.exit_by is not None:
        return [f"a callback raised {error_text(lifetime.exit_by)}"]
    if lifetime.exception is not None:
        return [f"ended by {error_text(lifetime.exception)}"]
    if lifetime.is_closing:
        return ["the client is closed"]
    dead = [
        f"the thread of connection {link.number} has ended"
        for link in links
        if link.has_lost_thread
    ]
    if core.dispatcher.has_lost_threads:
        dead.append("a dispatch thread has ended")
    if stuck_after_s is not None:
        dead += [
            f"callbacks of {name} have been running for {stuck_after_s:g} s"
            for name in core.dispatcher.running(stuck_after_s)
        ]
    return dead


def _why_not_open(link: Link) -> str:
    reason = "" if link.last_error is None else f": {error_text(link.last_error)}"
    return f"connection {link.number} is {link.status.value}{reason}"


def _why_not_live(subscribers: Iterable[tuple[Subscriber, Link]]) -> list[str]:
    """Return one reason for each state, with a few names: the length is bounded."""
    names: dict[str, list[str]] = {}
    for subscriber, _ in subscribers:
        state = _state(subscriber)
        if state not in _GOOD:
            names.setdefault(state, []).append(subscriber.name)
    reasons = []
    for state, found in names.items():
        more = f" and {len(found) - _FEW} more" if len(found) > _FEW else ""
        reasons.append(f"{state}: {', '.join(found[:_FEW])}{more}")
    return reasons


def _state(subscriber: Subscriber) -> str:
    # Read once, as its thread may change it.
    status: str = subscriber.status.value
    return "stale" if status == _LIVE and subscriber.is_stale else status
