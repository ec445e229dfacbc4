"""The page of events is what the tables say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from typing import Any

from bfxsync.ws.dispatch.events import EVENTS

GENERATOR = Path(__file__).parents[2] / "docs" / "events.py"


def load_generator() -> Any:
    spec = importlib.util.spec_from_file_location("events_page", GENERATOR)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


page = load_generator()


def test_committed_page_is_the_generated_one() -> None:
    assert page.PAGE.read_text("utf-8") == page.page_text(), "run python docs/events.py"


def test_page_has_every_event_once() -> None:
    found = re.findall(r"^\* ``([\w-]+)\(", page.page_text(), re.MULTILINE)
    assert sorted(found) == sorted(EVENTS)
