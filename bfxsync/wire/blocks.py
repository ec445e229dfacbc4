"""
The fast path: blocks of messages that contain only channel data in sequence.

Strategy: a block is decoded at once, only its first and last sequence numbers are checked, and
each channel gets all its frames in one call. In a large block, the messages of each channel are
recognized by their first bytes: they are decoded by columns (see `tables`), and where only the last
state of a channel is wanted, its earlier messages are not decoded.
"""

from __future__ import annotations

from collections import Counter
from operator import itemgetter
from typing import Any, Callable, List, Mapping, Tuple

from bfxsync._base.aliases import ChanId
from bfxsync.wire.audit import Sequence
from bfxsync.wire.channels.table_models import Models
from bfxsync.wire.codec import LOADS_ERRORS, Loads, are_texts, loads_many
from bfxsync.wire.frames import SEQ_ALL, TIMESTAMP, sequence_index
from bfxsync.wire.subscription_state import SubscriptionState
from bfxsync.wire.tables import Rows, form_of, read_table

# Raised below by frames that are not channel data.
_UNUSUAL = (TypeError, LookupError, *LOADS_ERRORS)

_INT = {int}

_Member = Tuple[SubscriptionState, List[bytes]]

LEAVE_OUT_FROM = 8
"""Minimum number of messages in a block for which leaving some out saves time."""

TABLES_FROM = 48
"""Minimum number of messages in a block for which decoding by columns saves time."""

TABLE_FROM = 12
"""The same per channel: on average, and for a channel that is decoded so."""

Groups = List[Tuple[SubscriptionState, Callable[[Any], List[Any]], Any]]
"""The data of a block by subscription, and the method of its channel that accepts them."""


class BlockReader:
    """Decodes blocks and groups their frames; `sequence` is that of the socket."""

    def __init__(
        self,
        loads: Loads,
        routes: Mapping[ChanId, SubscriptionState],
        sequence: Sequence,
    ) -> None:
        self._loads = loads
        self._routes = routes
        self._sequence = sequence
        # Whether messages could be left out of the last block that was long enough.
        self._leaves_out = False

    def read(self, messages: list[bytes], flags: int) -> Groups | None:
        """Group a block by subscription; None, without effect, if it contains other messages."""
        try:
            count = len(messages)
            if count == 1:
                # As most are.
                frame = self._loads(messages[0])
                entry = self._routes[frame[0]]
                if flags & SEQ_ALL:
                    number = frame[-2 if flags & TIMESTAMP else -1]
                    if type(number) is not int or number - 1 != self._sequence.last:
                        return None
                    self._sequence.last = number
                return [(entry, entry.channel.feed_one, frame)]
            if self._leaves_out and count >= LEAVE_OUT_FROM:
                return self._read_last(messages, flags)
            if count >= TABLES_FROM and count >= TABLE_FROM * len(self._routes):
                groups = self._read_many(messages, flags)
                first, last = self._loads(messages[0]), self._loads(messages[-1])
            else:
                frames = loads_many(self._loads, messages)
                groups = self._group(frames)
                first, last = frames[0], frames[-1]
            return groups if self._accept(first, last, count, flags) else None
        except _UNUSUAL:
            return None

    def _read_last(self, messages: list[bytes], flags: int) -> Groups | None:
        kept, left_out = leave_out(messages, self._routes)
        self._leaves_out = bool(left_out)
        frames = loads_many(self._loads, kept)
        groups = self._group(frames)
        first = self._loads(messages[0])
        if not self._accept(first, frames[-1], len(messages), flags):
            return None
        for entry, count in left_out:
            entry.channel.skipped_count += count
        return groups

    def _group(self, frames: list[Any]) -> Groups:
        groups: dict[ChanId, list[Any]] = {}
        for frame in frames:
            group = groups.get(frame[0])
            if group is None:
                groups[frame[0]] = [frame]
            else:
                group.append(frame)
        found: Groups = []
        for chan_id, group in groups.items():
            entry = self._routes[chan_id]
            if entry.channel.wants_last and len(group) > 1:
                self._leaves_out = True
            found.append((entry, entry.channel.feed_many, group))
        return found

    def _read_many(self, messages: list[bytes], flags: int) -> Groups:
        """Group a block, decoding by columns where possible."""
        if not are_texts(messages):
            raise ValueError("a binary message")
        groups: Groups = []
        others: list[bytes] = []
        alike: dict[tuple[Any, bytes], list[_Member]] = {}
        for chan_id, group in by_channel(messages, max(self._routes)).items():
            entry = self._routes[chan_id]
            channel = entry.channel
            if channel.wants_last and len(group) > 1:
                self._leaves_out = True
            models = channel.table_models
            if models is None or len(group) < TABLE_FROM or not channel.is_live:
                others += group
            else:
                key = models, form_of(group[0])
                alike.setdefault(key, []).append((entry, group))
        for (models, form), members in alike.items():
            groups += self._read_alike(models, form, members, flags, others)
        if others:
            groups += self._group(loads_many(self._loads, others))
        return groups

    def _read_alike(
        self,
        models: Models,
        form: bytes,
        members: list[_Member],
        flags: int,
        others: list[bytes],
    ) -> Groups:
        """Decode similar channels together; add messages for which that fails to `others`."""
        is_one = len(members) == 1
        messages, symbols = members[0][1], []
        if not is_one:
            messages = [message for _, group in members for message in group]
        table = read_table(self._loads, messages, form, allows_others=is_one)
        made = None
        if table is not None:
            for entry, group in members:
                symbols += [entry.channel.symbol] * len(group)
            times = table.ends if flags & TIMESTAMP else None
            if times is None or set(map(type, times)) == _INT:
                made = models.of(table, symbols, times)
        if table is None or made is None:
            if is_one:
                others += messages
                return []
            # Perhaps only one of them has something unusual.
            return [
                each
                for member in members
                for each in self._read_alike(models, form, [member], flags, others)
            ]
        groups: Groups = []
        start = 0
        for entry, group in members:
            part = slice(start, start + len(group))
            tags = None if table.tags is None else table.tags[part]
            rows = Rows(
                made[part],
                table.columns[0][part],
                tags,
                table.others,
                group,
                self._loads,
            )
            groups.append((entry, entry.channel.feed_rows, rows))
            start += len(group)
        return groups

    def _accept(self, first: Any, last: Any, count: int, flags: int) -> bool:
        """Count the sequence numbers of a block; return False without effect if they are wrong."""
        if not flags & SEQ_ALL:
            return True
        index = sequence_index(flags)
        return self._sequence.accept_block(first[index], last[index], count)


def by_channel(messages: list[bytes], highest: ChanId) -> dict[ChanId, list[bytes]]:
    """
    Group messages by the channel ids that they begin with, of which `highest` is the longest.

    Raises ValueError if a message begins with something else.
    """
    groups: dict[ChanId, list[bytes]] = {}
    start_of = itemgetter(slice(len(b"[%d," % highest)))
    starts = list(map(start_of, messages))
    start = starts[0]
    if start[-1:] == b"," and starts.count(start) == len(starts):
        return {_chan_id(start): messages}
    # By their first bytes, which also include some of the data if the channel id is short.
    started: dict[bytes, list[bytes]] = {}
    for start, message in zip(starts, messages):
        try:
            started[start].append(message)
        except KeyError:
            group = started[start] = groups.setdefault(_chan_id(start), [])
            group.append(message)
    return groups


def _chan_id(start: bytes) -> ChanId:
    if start[:1] != b"[":
        raise ValueError("no frame of a channel")
    return int(start[1 : start.index(b",")])


def leave_out(
    messages: list[bytes], routes: Mapping[ChanId, SubscriptionState]
) -> tuple[list[bytes], list[tuple[SubscriptionState, int]]]:
    """
    Leave out data of channels with `wants_last`, except for the last message of each.

    Returns the other messages, and how many of each subscription were left out.
    """
    wanted = {
        b"[%d,[" % chan_id: entry
        for chan_id, entry in routes.items()
        if entry.channel.wants_last and entry.channel.is_live
    }
    lengths = set(map(len, wanted))
    if len(lengths) == 1:
        # No loop in Python: nearly always the channel ids have as many digits.
        starts = list(map(itemgetter(slice(lengths.pop())), messages))
    else:
        starts = [data[: data.find(b"[", 1) + 1] for data in messages]
    last = starts[-1]
    if last in wanted and starts.count(last) == len(starts):
        # All are of one channel, as in a flood.
        return [messages[-1]], [(wanted[last], len(starts) - 1)]
    counts = Counter(starts)
    left_out = [(each, counts[each] - 1) for each in wanted if counts[each] > 1]
    latest = dict(zip(starts, messages))
    if latest.keys() <= wanted.keys():
        kept = list(latest.values())
        if kept[-1] is not messages[-1]:
            # Its number is that of the block.
            kept.remove(messages[-1])
            kept.append(messages[-1])
    else:
        repeated = {start for start, _ in left_out}
        kept = [
            data
            for start, data in zip(starts, messages)
            if start not in repeated or latest[start] is data
        ]
    return kept, [(wanted[start], count) for start, count in left_out]
