"""The page of endpoints is what the docstrings say, and these are what the tables say."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from generators import load_generator

from bfxsync.rest.public.base import UNDOCUMENTED_PER_MINUTE

from . import test_auth_endpoints as auth
from .tables import identity, rows_of

page = load_generator("endpoints")

ENDPOINTS = {row["name"]: row for row in rows_of("public-endpoints.jsonl")}
ENDPOINTS.update(auth.ENDPOINTS)

DOCUMENTED = {
    group: {
        endpoint.name: endpoint
        for part in owner.__mro__
        for endpoint in page.endpoints(owner, part)
    }
    for group, owner in page.GROUPS.items()
}

ROWS = [*rows_of("requests.jsonl"), *auth.ROWS]


def test_committed_page_is_the_generated_one() -> None:
    wanted = page.page_text()
    assert page.PAGE.read_text("utf-8") == wanted, "run python docs/endpoints.py"


@pytest.mark.parametrize("path", page.group_pages(), ids=lambda path: path.stem)
def test_page_of_a_group_is_the_generated_one(path: Path) -> None:
    wanted = page.group_pages()[path]
    assert path.read_text("utf-8") == wanted, "run python docs/endpoints.py"


def test_the_command_line_has_the_generated_names() -> None:
    wanted = page.names_text()
    assert page.NAMES.read_text("utf-8") == wanted, "run python docs/endpoints.py"


@pytest.mark.parametrize("group", page.GROUPS)
def test_page_has_every_method(group: str) -> None:
    members = inspect.getmembers(page.GROUPS[group], inspect.isfunction)
    methods = {name for name, _ in members if not name.startswith("_")}
    assert set(DOCUMENTED[group]) == methods


@pytest.mark.parametrize("row", ROWS, ids=identity)
def test_docstring_has_request_limit_and_page(row: dict[str, Any]) -> None:
    group, method = row.get("on", "public"), row["call"][0]
    endpoint = ENDPOINTS[row["endpoint"]]
    documented = DOCUMENTED[group][method]
    limit = endpoint["rate_limit"] or UNDOCUMENTED_PER_MINUTE
    assert int(documented.per_minute) == limit
    verb, path = documented.request.split(" ")
    assert verb == endpoint["method"]
    # auth/r/orders[/{symbol}]/hist: the symbol is optional.
    pattern = re.escape(path).replace(r"\[", "(?:").replace(r"\]", ")?")
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", pattern)
    assert re.fullmatch(pattern, row["request"]["path"].partition("?")[0])
    # One with a symbol and one without are one method, with the page of one of them.
    others = [
        r for r in ROWS if (r.get("on", "public"), r["call"][0]) == (group, method)
    ]
    sources = {ENDPOINTS[other["endpoint"]]["source"] for other in others}
    if any("docs.bitfinex.com" in source for source in sources):
        assert any(source.endswith(f"/{documented.page}") for source in sources)
