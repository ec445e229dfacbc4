"""
What a relay does in Redis: take and keep the lease of a shard, and write to its streams.

Strategy: an epoch belongs to one connection. After any error it is not known what was executed, so
nothing is repeated: the epoch is over, and the next one begins with fences, which consumers see as
a gap. The writes of a block are one pipeline without MULTI: once an id of a stream has been
refused, all later ones are refused too.
"""

from __future__ import annotations

import secrets
from typing import Any, Dict, Iterable, List, Mapping, Sequence

from bfxsync._base.logs import get_logger
from bfxsync._base.redis_urls import RedisUrl, open_redis, translated
from bfxsync.errors import NetworkError, UsageError
from bfxsync.relay.scripts import LEAVE, RENEW, SNAPSHOT, TAKE
from bfxsync.streams.entries import SnapshotMark, fields_of
from bfxsync.streams.keys import IdentityState, ShardKeys
from bfxsync.streams.relayed_channels import Output, SnapshotRows

_log = get_logger(__name__)

OLDEST = (6, 2)
"""The first version of Redis with XADD NOMKSTREAM."""


class StreamStore:
    """
    The streams of one shard, for one relay; used by one thread.

    Parameters
    ----------
    url : RedisUrl
    keys : ShardKeys
    identities : iterable of str
        Of the channels of this relay.
    ttl_s : float
        Duration of the lease.
    max_entries : int
        Approximate maximum length of each stream.
    timeout_s : float
        Maximum duration of each command.
    """

    def __init__(
        self,
        url: RedisUrl,
        keys: ShardKeys,
        identities: Iterable[str],
        *,
        ttl_s: float,
        max_entries: int,
        timeout_s: float,
    ) -> None:
        self.epoch: str | None = None
        """The current epoch; None while this relay must not write."""
        self.entry_count: int = 0
        """Entries written, fences not included."""
        self.byte_count: int = 0
        """Bytes of frames and snapshots written."""
        self._url = url
        self._keys = keys
        self._identities = list(identities)
        self._streams = {name: keys.stream(name) for name in self._identities}
        self._ttl_ms = int(ttl_s * 1000)
        self._max_entries = max_entries
        self._timeout_s = timeout_s
        # Not that of a former process: its lease, and what it may still write, are another's.
        self._token = secrets.token_hex(16)
        self._counts: Dict[str, int] = {}
        self._client: Any = None
        self._is_checked = False
        self._snapshot_sha = self._renew_sha = ""

    # --- the lease ----------------------------------------------------------------------------

    def take(self, states: Mapping[str, IdentityState]) -> bool:
        """
        Take the lease, and begin an epoch; return False if another relay holds it.

        Raises
        ------
        NetworkError
            Redis cannot be reached or has refused; nothing is known about the lease then.
        UsageError
            Redis is too old.
        """
        self.end_epoch()
        client = self._open()
        try:
            with translated(self._url):
                return self._take(client, states)
        except NetworkError:
            self.disconnect()
            raise

    def _take(self, client: Any, states: Mapping[str, IdentityState]) -> bool:
        keys = self._keys
        if not self._is_checked:
            self._check(client)
            self._is_checked = True
        held = client.get(keys.lease)
        if held is not None and held != self._token.encode():
            return False
        # Channels of an earlier relay with another list: its writes must be refused there, too.
        known = [name.decode() for name in client.hkeys(keys.identities)]
        others = [keys.stream(name) for name in known if name not in self._streams]
        named = [keys.lease, keys.epoch, keys.identities]
        named += [*self._streams.values(), *others]
        values = [self._token, self._ttl_ms, len(self._streams)]
        for name in self._identities:
            values += [name, states[name].text]
        # A restarted server has no scripts.
        self._snapshot_sha, self._renew_sha = map(client.script_load, (SNAPSHOT, RENEW))
        epoch, _ = client.eval(TAKE, len(named), *named, *values)
        if epoch == b"0":
            return False
        self.epoch = epoch.decode()
        self._counts = dict.fromkeys(self._streams, 0)
        if others:
            _log.info("%d channels are no longer relayed", len(others))
        return True

    def _check(self, client: Any) -> None:
        server = client.info("server")
        parts = str(server.get("redis_version", "")).split(".")
        version = tuple(int(part) for part in parts[:2] if part.isdecimal())
        if version < OLDEST:
            raise UsageError(
                f"Redis at {self._url} must be version 6.2 or later, not {'.'.join(parts)}"
            )
        policy = str(client.info("memory").get("maxmemory_policy", ""))
        if policy.startswith("allkeys"):
            _log.warning(
                "Redis at %s may evict any key (maxmemory-policy %s): streams would be lost; use "
                "noeviction or a volatile policy",
                self._url,
                policy,
            )

    def leave(self) -> None:
        """Give the lease back, so that another relay takes it at once; never raises."""
        if self.epoch is None or self._client is None:
            return
        self.end_epoch()
        try:
            with translated(self._url):
                self._client.eval(LEAVE, 1, self._keys.lease, self._token)
        except NetworkError as exc:
            _log.info("the lease was not given back: %s", exc)

    def end_epoch(self) -> None:
        """Write nothing more before the next `take`."""
        self.epoch = None

    # --- entries ------------------------------------------------------------------------------

    def write(
        self,
        outputs: Sequence[Output],
        states: Mapping[str, IdentityState],
        *,
        renew: bool,
    ) -> None:
        """
        Write entries and changed states, and renew the lease.

        Raises
        ------
        NetworkError
            Not everything was written; the epoch is over.
        """
        try:
            with translated(self._url):
                self._write(outputs, states, renew)
        except NetworkError:
            self.end_epoch()
            self.disconnect()
            raise

    def _write(
        self,
        outputs: Sequence[Output],
        states: Mapping[str, IdentityState],
        renew: bool,
    ) -> None:
        pipe = self._client.pipeline(transaction=False)
        for identity, output in outputs:
            self._counts[identity] += 1
            entry_id = f"{self.epoch}-{self._counts[identity]}"
            stream = self._streams[identity]
            if isinstance(output, SnapshotRows):
                snapshot = self._keys.snapshot(identity)
                self.byte_count += len(output.rows)
                fields = _flat(fields_of(SnapshotMark(output.is_renewal)))
                values = (entry_id, output.flags, output.rows, *fields)
                pipe.evalsha(self._snapshot_sha, 2, stream, snapshot, *values)
                continue
            fields = _flat(fields_of(output))
            self.byte_count += len(fields[1])
            limit = ("NOMKSTREAM", "MAXLEN", "~", self._max_entries)
            pipe.execute_command("XADD", stream, *limit, entry_id, *fields)
        if states:
            changed = {name: state.text for name, state in states.items()}
            pipe.hset(self._keys.identities, mapping=changed)
        if renew:
            lease = (self._keys.lease, self._token, self._ttl_ms)
            pipe.evalsha(self._renew_sha, 1, *lease)
        results = pipe.execute(raise_on_error=False)
        for result in results:
            if isinstance(result, Exception):
                raise result
        if None in results[: len(outputs)]:
            # Deleted, or the store was emptied: with it went the ids that protect it.
            raise NetworkError(f"Redis at {self._url}: a stream is gone", phase="send")
        if renew and results[-1] != 1:
            raise NetworkError(f"Redis at {self._url}: the lease is lost", phase="send")
        self.entry_count += len(outputs)

    # --- the connection -----------------------------------------------------------------------

    def prepare(self) -> None:
        """Raise `UsageError` if the extra ``redis`` is not installed; nothing is sent."""
        self._open()

    def _open(self) -> Any:
        if self._client is None:
            self._client = open_redis(
                self._url, timeout_s=self._timeout_s, client_name="bfxsync-relay"
            )
        return self._client

    def disconnect(self) -> None:
        """Close the connection; the next `take` opens another."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _flat(fields: Dict[bytes, bytes]) -> List[bytes]:
    return [part for item in fields.items() for part in item]
