"""The document that lists every method of REST says what the tables of the tests say."""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from bfxsync.rest.public import PublicEndpoints
from bfxsync.rest.public.base import UNDOCUMENTED_PER_MINUTE

from . import test_auth_endpoints as auth
from .tables import rows_of

TEXT = (Path(__file__).parents[2] / "docs" / "endpoints.rst").read_text("utf-8")

FACES: dict[str, Any] = {"public": PublicEndpoints, **auth.FACES}

ENDPOINTS = {row["name"]: row for row in rows_of("public-endpoints.jsonl")}
ENDPOINTS.update(auth.ENDPOINTS)


def documented(face: str) -> dict[str, tuple[int, str]]:
    """Return limit and page of each method under the heading of this name."""
    parts = re.split(r"^``rest\.(\w+)``\n-+\n", TEXT, flags=re.MULTILINE)
    rows = re.findall(
        r"^``(\w+)`` +(\d+) +(\S.*)$",
        parts[parts.index(face) + 1],
        re.MULTILINE,
    )
    assert len({name for name, _, _ in rows}) == len(rows)
    return {name: (int(limit), page) for name, limit, page in rows}


@pytest.mark.parametrize("face", FACES)
def test_document_has_every_method(face: str) -> None:
    members = inspect.getmembers(FACES[face], inspect.isfunction)
    methods = {name for name, _ in members if not name.startswith("_")}
    assert set(documented(face)) == methods


@pytest.mark.parametrize("face", FACES)
def test_document_has_the_limit_and_the_page_of_every_method(face: str) -> None:
    endpoints = defaultdict(list)
    for row in [*rows_of("requests.jsonl"), *auth.ROWS]:
        if row.get("on", "public") == face:
            endpoints[row["call"][0]].append(ENDPOINTS[row["endpoint"]])
    found = documented(face)
    for method, asked in endpoints.items():
        limit, page = found[method]
        limits = {endpoint["rate_limit"] for endpoint in asked}
        assert {known or UNDOCUMENTED_PER_MINUTE for known in limits} == {limit}
        # One with a symbol and one without are one method, with the page of one of them.
        sources = [endpoint["source"] for endpoint in asked]
        sources.append(inspect.getdoc(getattr(FACES[face], method)) or "")
        assert any(page in source for source in sources)
