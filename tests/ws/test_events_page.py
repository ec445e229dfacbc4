"""The page of events is what the tables say."""

from __future__ import annotations

import re

from generators import load_generator

from bfxsync.ws.dispatch.events import EVENTS

page = load_generator("events")


def test_committed_page_is_the_generated_one() -> None:
    assert page.PAGE.read_text("utf-8") == page.page_text(), "run python docs/events.py"


def test_page_has_every_event_once() -> None:
    found = re.findall(r"^\* ``([\w-]+)\(", page.page_text(), re.MULTILINE)
    assert sorted(found) == sorted(EVENTS)
