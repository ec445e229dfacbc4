"""
Feeds decoders with changed texts, and keeps texts that reach new lines of code.

Strategy: each process fuzzes all decoders, by rounds, so that its seed alone decides what it does.
On Python 3.12 and later an input that has reached a new line joins the texts that are changed (see
`guidance`), which leads from real messages into the far corners of a parser.
"""

from __future__ import annotations

import random
import time
import traceback
import warnings
from typing import Dict, List, NamedTuple, Sequence, Type

import decoders as of_values
import sessions as of_sessions
from decoders import Decoder
from guidance import watched
from inputs import changed

KINDS: Sequence[Type[Decoder]] = [
    of_values.Json,
    of_values.Frames,
    of_values.Models,
    of_values.AccountUpdates,
    of_values.RestAnswers,
    of_values.RestCalls,
    of_values.WebSocketBytes,
    of_values.Handshakes,
    of_values.Compressed,
    of_values.RecordingLines,
    of_values.EnvFiles,
    of_values.Checks,
    of_values.StreamEntries,
    of_sessions.PublicSession,
    of_sessions.PrivateSession,
    of_sessions.Replays,
]

LIFE = 300
"""Inputs between two renewals of a decoder."""

_MOST_TEXTS = 5_000


class Outcome(NamedTuple):
    """What a run has found."""

    inputs: Dict[str, int]
    """Inputs by decoder."""
    seconds: Dict[str, float]
    """Processor time by decoder."""
    kept: int
    """Inputs that have reached new lines."""


class Untyped(Exception):
    """A decoder has raised something else than its errors; the message has all inputs."""


def fuzz(kinds: Sequence[Type[Decoder]], count: int, seed: int) -> Outcome:
    """Feed decoders with `count` inputs in all, or raise `Untyped`."""
    # As Python's own warnings would cost more than the decoders.
    warnings.simplefilter("ignore")
    rng = random.Random(seed)
    made = [kind() for kind in kinds]
    shares = sum(decoder.share for decoder in made)
    left = [max(1, round(count * decoder.share / shares)) for decoder in made]
    left[0] += count - sum(left)
    inputs = dict.fromkeys((type(each).__name__ for each in made), 0)
    seconds = dict.fromkeys(inputs, 0.0)
    kept = 0
    with watched() as lines:
        while any(left):
            for index, decoder in enumerate(made):
                turn = min(left[index], LIFE)
                if not turn:
                    continue
                name, began = type(decoder).__name__, time.process_time()
                fed: List[bytes] = []
                try:
                    for _ in range(turn):
                        tokens = changed(rng, decoder.corpus)
                        data = b"".join(tokens)
                        fed.append(data)
                        try:
                            decoder.read(rng, data)
                        except decoder.errors:
                            pass
                        if lines.are_new() and len(decoder.corpus) < _MOST_TEXTS:
                            decoder.corpus.append(tokens)
                            kept += 1
                    decoder.renew(rng)
                except Exception as exc:
                    found = "".join(
                        traceback.format_exception(type(exc), exc, exc.__traceback__)
                    )
                    last = "\n".join(repr(each) for each in fed[-30:])
                    message = f"{name}, seed {seed}, after {last}\n{found}"
                    raise Untyped(message) from None
                left[index] -= turn
                inputs[name] += turn
                seconds[name] += time.process_time() - began
    return Outcome(inputs, seconds, kept)
