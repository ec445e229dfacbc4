"""What shows of the inside: names that users see in completion, tracebacks and type errors."""

from __future__ import annotations

import pytest

import bfxsync

CLASSES = [
    item for item in map(vars(bfxsync).get, bfxsync.__all__) if isinstance(item, type)
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_what_the_library_does_at_a_fork_is_not_public(cls):
    public = {name for name in dir(cls) if not name.startswith("_")}
    assert not public & {"renew", "disown"}
