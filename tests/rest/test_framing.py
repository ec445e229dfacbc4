from __future__ import annotations

import pytest

from bfxsync.rest.http.framing import has_certain_end, is_interim


@pytest.mark.parametrize(
    "status, lengths, encodings, expected",
    [
        (200, ["5"], [], True),
        (200, ["0"], [], True),
        (500, [" 5 "], [], True),
        (200, [], ["chunked"], True),
        (200, [], [" Chunked"], True),
        # Nothing says where it ends.
        (200, [], [], False),
        (200, [], ["gzip"], False),
        (200, [], ["gzip, chunked"], False),
        (200, [], ["chunked, chunked"], False),
        (200, [], ["gzip", "chunked"], False),
        # Two things say so.
        (200, ["5", "5"], [], False),
        (200, ["5", "6"], [], False),
        (200, ["5, 5"], [], False),
        (200, ["5"], ["chunked"], False),
        (200, ["5"], ["identity"], False),
        # Python would read these as numbers.
        (200, ["5_0"], [], False),
        (200, ["+5"], [], False),
        (200, ["-5"], [], False),
        (200, ["٥"], [], False),
        (200, [""], [], False),
        # There is no body, whatever comes.
        (101, ["0"], [], False),
        (204, ["0"], [], False),
        (204, [], [], False),
        (205, ["0"], [], False),
        (304, ["5"], [], False),
    ],
)
def test_connection_is_used_again_only_after_a_certain_end(
    status: int, lengths: list[str], encodings: list[str], expected: bool
) -> None:
    assert has_certain_end(status, lengths, encodings) is expected


@pytest.mark.parametrize(
    "status, expected",
    [(99, False), (100, True), (101, False), (102, True), (103, True), (199, True)]
    + [(200, False), (500, False)],
)
def test_interim_answers(status: int, expected: bool) -> None:
    assert is_interim(status) is expected
