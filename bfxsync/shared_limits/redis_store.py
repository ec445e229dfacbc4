"""
A budget that machines with one public address share through Redis; needs the extra ``redis``.

Strategy: one call of one script for each request, by the clock of the server, so there is no
polling. A script is idempotent for an owner, so a call whose connection was lost is repeated once.
The store keeps when it has last seen each process. If that is missing, or older than the process
knows, or if the request that the process has sent last is missing, data is lost, and the process
gets no slot until it joins again.
"""

from __future__ import annotations

import hashlib
import re
import time
from typing import Any, NamedTuple, Sequence, Tuple

from bfxsync._base.redis_urls import RedisRefused, RedisUrl, open_redis, translated
from bfxsync.errors import NetworkError, RequestTimeout, UsageError
from bfxsync.shared_limits import redis_scripts
from bfxsync.shared_limits.outage import BEAT_S
from bfxsync.shared_limits.window import LONGEST_WINDOW_S, Answer, Limit

_NAME = re.compile(r"[A-Za-z0-9._:-]{1,100}")

# Slewing of the clock is slower.
_STEP_S = 1.0


class _Seen(NamedTuple):
    """When the store has last seen this process."""

    at: int
    """Microseconds on the clock of the store."""
    began: float
    """Seconds on the clock of this process, before the call."""


_NEVER = _Seen(0, 0.0)


class RedisStore:
    """
    Windows in Redis, of all machines that use the same server and `address`.

    Parameters
    ----------
    url : RedisUrl
        With the option ``address``: any name of the public address that the machines share.
    timeout_s : float
        Seconds for connecting, and for each response.

    Raises
    ------
    UsageError
        The extra is not installed, or there is no valid address.
    """

    beat_s = BEAT_S
    """Time between two signs of life of a process; shorter at first."""

    def __init__(self, url: RedisUrl, *, timeout_s: float) -> None:
        address = url.options.get("address", "")
        if not _NAME.fullmatch(address):
            raise UsageError(
                "shared_budget needs the name of the public address that this machine shares: "
                "'redis://host:6379/0?address=office'; letters, digits and . _ : - only"
            )
        self._url = url
        self._timeout_s = timeout_s
        # One hash slot for all keys of a script, as a cluster requires.
        self._prefix = f"bfx:{{limits:{address}}}:"
        self._address = address
        self._seen = _NEVER
        self._client: Any = self._open()

    def __str__(self) -> str:
        return f"{self._url} (address {self._address})"

    def reset_after_fork(self) -> None:
        """Use connections of its own in a child process, which has to join."""
        self._seen = _NEVER
        self._client = self._open()

    def close(self) -> None:
        """Close the connections; the next call opens another one."""
        self._client.connection_pool.disconnect()

    def join(self, process: str) -> int:
        """Note that a process begins to use the store, also after a loss; return how many do."""
        (found,) = self._ask(redis_scripts.SEEN, "", process, seen=_NEVER)
        return int(found)

    def seen(self, process: str) -> int:
        """Note that a process is alive; return how many are."""
        (found,) = self._ask(redis_scripts.SEEN, "", process)
        return int(found)

    def request(
        self,
        process: str,
        key: str,
        owner: str,
        limit: Limit,
        longest_s: float,
        sent: str = "",
    ) -> Answer:
        """
        Claim or book a slot; see `Window.request`.

        `sent` is the owner of a request that this process has sent within the window: without its
        slot the store has lost data, and `NetworkError` is raised.
        """
        longest = "inf" if longest_s == float("inf") else _micros(longest_s)
        wait, booked, used, blocked, processes = self._ask(
            redis_scripts.REQUEST,
            key,
            process,
            owner,
            limit.requests,
            _micros(limit.window_s),
            longest,
            sent,
        )
        return Answer(
            int(wait) / 1e6, bool(booked), used, int(blocked) / 1e6, processes
        )

    def give_back(self, key: str, owner: str) -> None:
        """Cancel a slot that was not used."""
        with translated(self._url):
            self._client.zrem(self._keys(key)[0], owner)

    def block(self, key: str, seconds: float) -> None:
        """Block the key for so long; waiting requests keep their order."""
        self._run(redis_scripts.BLOCK, key, _micros(seconds), _micros(LONGEST_WINDOW_S))

    def restore(
        self, process: str, key: str, window_s: float, sent: Sequence[Tuple[str, float]]
    ) -> None:
        """Add the requests that this process has sent: their owners, and how long ago."""
        slots = [part for owner, age_s in sent for part in (owner, _micros(age_s))]
        self._ask(redis_scripts.RESTORE, key, process, _micros(window_s), *slots)

    def _open(self) -> Any:
        return open_redis(self._url, timeout_s=self._timeout_s)

    def _keys(self, key: str) -> Tuple[str, ...]:
        slots, prefix = f"{self._prefix}{key}", self._prefix
        return slots, f"{slots}:blocked", f"{prefix}processes", f"{prefix}clock"

    def _ask(
        self,
        script: str,
        key: str,
        process: str,
        *arguments: object,
        seen: _Seen | None = None,
    ) -> Sequence[Any]:
        """Run a script for a process; raises `NetworkError` if the store has lost data."""
        began = time.monotonic()
        # One object, as another thread may replace it.
        seen = seen or self._seen
        reply: Sequence[Any] | None = self._run(
            script, key, process, seen.at, *arguments
        )
        if reply is None:
            raise NetworkError(f"Redis at {self._url} has lost data", phase="receive")
        at = int(reply[0])
        ahead_s = (at - seen.at) / 1e6 - (time.monotonic() - seen.began)
        if seen is not _NEVER and ahead_s > _STEP_S:
            raise NetworkError(
                f"the clock of Redis at {self._url} was set forward by {ahead_s:.0f} s",
                phase="receive",
            )
        # Of the replies to several threads an older one may be last: it expects less.
        self._seen = _Seen(at, began)
        return reply[1:]

    def _run(self, script: str, key: str, *arguments: object) -> Any:
        try:
            return self._once(script, key, *arguments)
        except (RedisRefused, RequestTimeout):
            raise
        except NetworkError:
            # The server has closed an idle connection, or was restarted.
            return self._once(script, key, *arguments)

    def _once(self, script: str, key: str, *arguments: object) -> Any:
        digest = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        keys = self._keys(key)
        try:
            with translated(self._url):
                return self._client.evalsha(digest, len(keys), *keys, *arguments)
        except RedisRefused as exc:
            if exc.reply != "NOSCRIPT":
                raise
        with translated(self._url):
            return self._client.eval(script, len(keys), *keys, *arguments)


def _micros(seconds: float) -> str:
    return f"{seconds * 1e6:.0f}"
