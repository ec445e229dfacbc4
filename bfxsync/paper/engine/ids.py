"""Sequences of new ids."""

from __future__ import annotations

from itertools import count
from typing import Iterator

import attrs


@attrs.define
class IdSequences:
    """Sequences of new ids, shared by all accounts."""

    order: Iterator[int] = attrs.field(factory=lambda: count(180_000_000_001))
    booking: Iterator[int] = attrs.field(factory=lambda: count(6_000_000_001))
    movement: Iterator[int] = attrs.field(factory=lambda: count(20_000_001))
    position: Iterator[int] = attrs.field(factory=lambda: count(170_000_001))
    offer: Iterator[int] = attrs.field(factory=lambda: count(41_000_001))
    loan: Iterator[int] = attrs.field(factory=lambda: count(26_000_001))
