"""The page of models is what the tables say."""

from __future__ import annotations

import re

import attrs
import pytest
from generators import load_generator

from bfxsync import models
from bfxsync.models.reference import field_texts

page = load_generator("models")


def test_committed_page_is_the_generated_one() -> None:
    assert page.PAGE.read_text("utf-8") == page.page_text(), "run python docs/models.py"


def test_page_has_every_model() -> None:
    names = {name for name in models.__all__ if not name.startswith("Partial")}
    assert {model.__name__ for model in page.documented()} == names - {
        "BookSnapshot",
        "Depth",
        "Model",
        "RawRow",
    }


@pytest.mark.parametrize("name", ["Snapshot", "Notification", "Fill", "OrderStatus"])
def test_help_of_other_classes_has_their_attributes(name: str) -> None:
    model = getattr(models, name)
    for field in attrs.fields(model):
        assert re.search(rf"^{field.name} : ", str(model.__doc__), re.MULTILINE)


def test_page_has_every_field_with_its_text() -> None:
    text = page.page_text()
    for model in page.documented():
        start = text.index(f"\n{model.__name__}\n{'~' * len(model.__name__)}\n")
        section = text[start:].split("\n~~", 2)[1]
        texts = {name: meaning for name, _, _, meaning in field_texts(model)}
        for field in attrs.fields(model):
            begin = f"\n* ``{field.name}``, ``{field.type}``"
            (line,) = (
                part for part in section.split("\n") if f"\n{part}".startswith(begin)
            )
            assert line.endswith(" ".join(texts[field.name].split()))
