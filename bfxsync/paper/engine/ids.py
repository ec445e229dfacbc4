"""Sequences of new ids."""

from __future__ import annotations

from typing import Iterator

import attrs


@attrs.define
class IdSequence(Iterator[int]):
    """Consecutive ids; `following` is the next one."""

    following: int

    def __next__(self) -> int:
        self.following += 1
        return self.following - 1


@attrs.define
class IdSequences:
    """Sequences of new ids, shared by all accounts."""

    order: IdSequence = attrs.field(factory=lambda: IdSequence(180_000_000_001))
    booking: IdSequence = attrs.field(factory=lambda: IdSequence(6_000_000_001))
    movement: IdSequence = attrs.field(factory=lambda: IdSequence(20_000_001))
    position: IdSequence = attrs.field(factory=lambda: IdSequence(170_000_001))
    offer: IdSequence = attrs.field(factory=lambda: IdSequence(41_000_001))
    loan: IdSequence = attrs.field(factory=lambda: IdSequence(26_000_001))
    takeover: IdSequence = attrs.field(factory=lambda: IdSequence(900_000_001))
    """Of trades in which the exchange takes over what the book cannot."""
