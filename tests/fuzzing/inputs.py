"""
Inputs for decoders: real texts, changed at random.

Strategy: a text is kept as a list of tokens (numbers, strings, words, punctuation), and most
changes replace, remove, repeat or move tokens. So the result is mostly still JSON, and passes the
decoder of JSON to reach the code behind it. A few changes are made to bytes instead.
"""

from __future__ import annotations

import random
import re
from typing import Callable, List, Sequence

Tokens = List[bytes]

_TOKEN = re.compile(
    rb'"(?:[^"\\]|\\.)*"|-?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?|[A-Za-z_]+|\s+|.',
    re.DOTALL,
)

MOST_TOKENS = 150
"""Longer texts are cut, as their end is like their beginning."""

_VALUES: Sequence[bytes] = [
    *(b"null", b"true", b"false", b"0", b"-0", b"1", b"-1", b"2", b"-1.5", b"0.0"),
    *(b"1e400", b"-1e400", b"1e-400", b"1e5", b"1E99999999999999999999", b"-"),
    *(b"9007199254740993", b"9223372036854775807", b"9223372036854775808"),
    *(b"-9223372036854775809", b"253402300800000", b"-62135596800001", b"9" * 400),
    *(b'""', b'" "', b'"x"', b'"1"', b'"1.5"', b'"-1e400"', b'"null"', b'"NaN"'),
    *(b'"\\ud800"', b'"\\u0000"', b'"\xc2\xb2"', b'"\xd9\xa3"', b'"\\n"', b"NaN"),
    *(b"[]", b"{}", b"[[]]", b"[null]", b"[{}]", b'{"a":1}', b"[[[1]]]", b"[1,2,3]"),
    *(b'"hb"', b'"cs"', b'"te"', b'"ftu"', b'"error"', b'"ERROR"', b'"SUCCESS"'),
    *(b'"tBTCUSD"', b'"fUSD"', b'"t"', b'"f"', b'"tBTCF0:USTF0"', b'"ACTIVE"'),
    *(b"10301", b"10305", b"11010", b"20051", b"20060", b"20061", b'"10114"'),
    *(b"[" * 60 + b"]" * 60, b'{"a":' * 60 + b"1" + b"}" * 60, b"[" * 1100),
    *(b'"' + b"x" * 300 + b'"', b"Infinity", b"-Infinity", b"\xff", b"\x00", b"\r\n"),
]


def tokens_of(text: bytes) -> Tokens:
    """Cut a text into tokens."""
    return _TOKEN.findall(text)[:MOST_TOKENS]


def _replace(random: random.Random, tokens: Tokens, _: Tokens) -> None:
    tokens[int(random.random() * len(tokens))] = random.choice(_VALUES)


def _replace_value(random: random.Random, tokens: Tokens, _: Tokens) -> None:
    """Replace a token that is no punctuation, so that JSON stays JSON."""
    for _try in range(4):
        place = int(random.random() * len(tokens))
        if tokens[place] not in b"[]{},: ":
            tokens[place] = random.choice(_VALUES)
            return


def _remove(random: random.Random, tokens: Tokens, _: Tokens) -> None:
    place = int(random.random() * len(tokens))
    del tokens[place : place + random.choice((1, 2, 2, 4))]


def _repeat(random: random.Random, tokens: Tokens, _: Tokens) -> None:
    place = int(random.random() * len(tokens))
    part = tokens[place : place + random.choice((1, 2, 2, 8))]
    tokens[place:place] = part


def _insert(random: random.Random, tokens: Tokens, _: Tokens) -> None:
    place = int(random.random() * (len(tokens) + 1))
    tokens[place:place] = [random.choice(_VALUES), b","]


def _swap(random: random.Random, tokens: Tokens, _: Tokens) -> None:
    one, other = (int(random.random() * len(tokens)) for _ in range(2))
    tokens[one], tokens[other] = tokens[other], tokens[one]


def _splice(random: random.Random, tokens: Tokens, other: Tokens) -> None:
    """Take the value of another text, or the rest of it."""
    place = int(random.random() * len(tokens))
    there = int(random.random() * len(other))
    if random.random() < 0.7:
        tokens[place] = other[there] if other else b""
    else:
        tokens[place:] = other[there:]


def _wrap(random: random.Random, tokens: Tokens, _: Tokens) -> None:
    place = int(random.random() * len(tokens))
    tokens[place] = b"[" + tokens[place] + b"]"


def _cut(random: random.Random, tokens: Tokens, _: Tokens) -> None:
    del tokens[int(random.random() * len(tokens)) :]


def _change_bytes(random: random.Random, tokens: Tokens, _: Tokens) -> None:
    place = int(random.random() * len(tokens))
    data = bytearray(tokens[place])
    if data:
        data[int(random.random() * len(data))] = int(random.random() * 256)
    tokens[place] = bytes(data)


_Change = Callable[[random.Random, Tokens, Tokens], None]

_CHANGES: Sequence[_Change] = [
    *[_replace_value] * 8,
    *[_splice, _remove, _repeat, _insert] * 2,
    *[_replace, _swap, _wrap, _cut, _change_bytes],
]

_COUNTS = (0, 1, 1, 1, 1, 1, 2, 2, 2, 3, 4, 8)


def changed(random: random.Random, corpus: Sequence[Tokens]) -> Tokens:
    """Return a text of the corpus with some changes; now and then none."""
    tokens = corpus[int(random.random() * len(corpus))][:]
    for _ in range(random.choice(_COUNTS)):
        if not tokens:
            break
        other = corpus[int(random.random() * len(corpus))]
        random.choice(_CHANGES)(random, tokens, other)
    return tokens
