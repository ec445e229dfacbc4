"""The example notebooks run offline, and what they store may be shown to anyone."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from .stored import (
    MAX_SIZE,
    NOTEBOOKS,
    code_cells,
    execute,
    joined,
    leaks,
    of_document,
    read,
    shape,
    texts,
)

DOCS = Path(__file__).resolve().parents[2] / "docs"
DOCUMENT = DOCS / "howto" / "notebooks.rst"
DOCUMENTS = [DOCUMENT, DOCS / "tutorials" / "notebook.rst"]

pytestmark = [
    pytest.mark.once,
    # All of them run for the first test.
    pytest.mark.timeout(600),
    # Of libraries of Jupyter, about versions to come.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

by_name = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def executed():
    notebooks = [*map(read, NOTEBOOKS), *map(of_document, DOCUMENTS)]
    return dict(zip([*NOTEBOOKS, *DOCUMENTS], execute(notebooks)))


def result(executed, path):
    found = executed[path]
    if isinstance(found, Exception):
        raise found
    return found


@by_name
def test_a_notebook_runs_and_shows_what_it_stores(executed, path):
    cells = zip(code_cells(read(path)), code_cells(result(executed, path)))
    for stored, now in cells:
        assert shape(now) == shape(stored), now.outputs
    assert leaks(texts(executed[path])) == []


def test_texts_of_a_stream_are_joined_however_they_are_cut():
    def said(text, name="stdout"):
        return nbformat.v4.new_output("stream", name=name, text=text)

    shown = nbformat.v4.new_output("display_data", data={"text/plain": "shown"})
    cut = [said("a\n"), said("b\n"), said("c", "stderr"), shown, said("d\n"), shown]
    whole = [said("a\nb\n"), said("c", "stderr"), shown, said("d\n"), shown]
    assert joined(cut) == whole


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_a_document_runs_as_a_notebook(executed, path):
    cells = code_cells(result(executed, path))
    assert len(cells) >= 4 and leaks(texts(executed[path])) == []
    outputs = [output for cell in cells for output in cell.outputs]
    assert [each for each in outputs if each.get("name") == "stderr"] == []


@by_name
def test_a_stored_notebook_was_executed_from_top_to_bottom(path):
    counts = [cell.execution_count for cell in code_cells(read(path))]
    assert counts == [*range(1, len(counts) + 1)]


@by_name
def test_stored_outputs_have_pictures_and_no_errors(path):
    notebook = read(path)
    assert any(text.startswith("<svg") for text in texts(notebook))
    for cell in code_cells(notebook):
        for output in cell.outputs:
            assert output.output_type != "error" and output.get("name") != "stderr"
    assert path.stat().st_size < MAX_SIZE


@by_name
def test_stored_outputs_have_no_secrets_and_no_hosts(path):
    assert leaks(texts(read(path))) == []
    assert leaks(cell.source for cell in code_cells(read(path))) == []


def in_picture(text):
    import base64

    data = base64.b64encode(f"<svg><text>{text}</text></svg>".encode()).decode()
    return f'<img src="data:image/svg+xml;base64,{data}">'


LEAKS = [
    ("the key is paper-key", "a key"),
    ("api_secret='paper-secret'", "a secret"),
    ("authSig: " + "0f" * 48, "a signature"),
    ("key " + "aZ3" * 14 + "x", "a key"),
    ("disconnected from ws://127.0.0.1:41234/ws/2", "an address"),
    ("https://api.bitfinex.com/v2", "an address"),
    ("at localhost, port 80", "an address"),
    ("File /home/someone/bot.py", "a path"),
]


@pytest.mark.parametrize("picture", [False, True], ids=["text", "picture"])
@pytest.mark.parametrize("text, kind", LEAKS, ids=lambda text: text[:12])
def test_a_leak_of_an_output_is_found(text, kind, picture):
    shown = in_picture(text) if picture else text
    output = nbformat.v4.new_output("display_data", data={"text/html": shown})
    cell = nbformat.v4.new_code_cell(outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    assert [each for each in leaks(texts(notebook)) if each.startswith(kind)]


def test_prices_tables_and_pictures_are_no_leaks():
    harmless = ["64,250.5 +1.31 %", "<td>1/2</td>", in_picture("tBTCUSD 1m 13:18:30")]
    output = nbformat.v4.new_output("display_data", data={"text/html": harmless})
    cell = nbformat.v4.new_code_cell(outputs=[output])
    assert leaks(texts(nbformat.v4.new_notebook(cells=[cell]))) == []


def test_the_document_names_every_notebook():
    named = re.findall(r"examples/notebooks/(\w+)\.ipynb", DOCUMENT.read_text("utf-8"))
    assert sorted(set(named)) == [path.stem for path in NOTEBOOKS]
