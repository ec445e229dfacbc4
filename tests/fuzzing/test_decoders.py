"""
Any input gives a value or a typed error, and sessions live on.

The short form has the same inputs every time. The long form has ten million, guided by coverage.
"""

from __future__ import annotations

import multiprocessing
import random
import sys
from concurrent.futures import ProcessPoolExecutor

import pytest
from decoders import Decoder
from fuzzer import KINDS, Untyped, fuzz
from guidance import watched
from inputs import changed, tokens_of

IS_GUIDED = sys.version_info >= (3, 12)
LONG = 10_000_000 if IS_GUIDED else 1_000_000
"""Inputs of the long form; fewer where there is no guidance, as they repeat themselves."""

TURN = 1_000_000


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_r14_changed_texts_raise_typed_errors_only(kind: type[Decoder]) -> None:
    found = fuzz([kind], 300, seed=1)
    assert found.inputs == {kind.__name__: 300}


@pytest.mark.long
@pytest.mark.timeout(2400)
def test_r14_ten_million_changed_texts_raise_typed_errors_only() -> None:
    processes = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=processes) as pool:
        seeds = range(LONG // TURN)
        turns = [pool.submit(fuzz, KINDS, TURN, seed) for seed in seeds]
        outcomes = [turn.result() for turn in turns]
    for kind in KINDS:
        name = kind.__name__
        inputs = sum(outcome.inputs[name] for outcome in outcomes)
        seconds = sum(outcome.seconds[name] for outcome in outcomes)
        print(f"{name:16} {inputs:9,} inputs {seconds:7.1f} s")
    print(f"{sum(outcome.kept for outcome in outcomes):,} reached new lines")
    assert sum(sum(outcome.inputs.values()) for outcome in outcomes) == LONG


class Broken(Decoder):
    """A decoder that forgets a case, and another one that it cannot get over."""

    corpus = [tokens_of(b'{"a": [1, 2]}')]
    is_stuck = False

    def read(self, random: random.Random, data: bytes) -> None:
        if b"null" in data:
            raise KeyError(data)
        self.is_stuck = self.is_stuck or b"1e400" in data

    def renew(self, random: random.Random) -> None:
        assert not self.is_stuck


def test_untyped_error_is_found_with_its_input() -> None:
    with pytest.raises(Untyped, match="(?s)Broken, seed 3, after .*null.*KeyError"):
        fuzz([Broken], 10_000, seed=3)


def test_decoder_that_does_not_live_on_is_found() -> None:
    class Stuck(Broken):
        errors = (KeyError,)

    with pytest.raises(Untyped, match="(?s)Stuck.*assert not self.is_stuck"):
        fuzz([Stuck], 10_000, seed=3)


def test_changed_texts_depend_on_their_seed_alone() -> None:
    corpus = [tokens_of(b'[17,[1,2.5,"x",null],{"a":true}]')]
    one, same, other = (random.Random(seed) for seed in (1, 1, 2))
    texts = [changed(one, corpus) for _ in range(50)]
    assert texts == [changed(same, corpus) for _ in range(50)]
    assert texts != [changed(other, corpus) for _ in range(50)]
    assert corpus == [tokens_of(b'[17,[1,2.5,"x",null],{"a":true}]')]


@pytest.mark.skipif(not IS_GUIDED, reason="Python before 3.12 does not report lines")
def test_new_lines_are_seen_once() -> None:
    from bfxsync.wire.frames import decode

    with watched() as lines:
        decode({"event": "info"}, 0)
        assert lines.are_new()
        decode({"event": "info"}, 0)
        assert not lines.are_new()
        decode([17, "hb"], 0)
        assert lines.are_new()
