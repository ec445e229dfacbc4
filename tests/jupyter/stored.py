"""
Execute the notebooks of examples/notebooks, and check what they store.

They are stored executed, so that a reader sees their pictures before running anything. After a
change of their code, or of what their outputs look like, execute and store them again::

    python tests/jupyter/stored.py --write [NAME …]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import os
import re
import socket
import sys
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent
from typing import Any, Iterable, Iterator, Sequence

import nbformat

from bfxsync.paper.settings import PaperAccount

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))

#: The largest file, in bytes: a page of pictures, not of megabytes.
MAX_SIZE = 150_000

TIMEOUT_S = 240
"""Of the start of a kernel, and of a cell. Only for what would not end."""

_PICTURE = re.compile(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)")

_METADATA = {
    "kernelspec": {
        "display_name": "Python 3",
        "language": "python",
        "name": "python3",
    },
    "language_info": {"name": "python"},
}


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)


def of_document(path: Path) -> Any:
    """Return the Python of a document as a notebook, with a cell for each block."""
    pattern = r"^\.\. code-block:: python\n\n((?:    .*\n|\n)+)"
    blocks = re.findall(pattern, path.read_text("utf-8"), re.MULTILINE)
    cells = [nbformat.v4.new_code_cell(dedent(block).strip()) for block in blocks]
    return nbformat.v4.new_notebook(cells=cells)


def execute(notebooks: Sequence[Any]) -> list[Any]:
    """
    Execute notebooks side by side, each in a kernel and a folder of its own.

    Returns those with their new outputs, or the exception that ended one.
    """

    async def together() -> list[Any]:
        return await asyncio.gather(*map(_execute, notebooks), return_exceptions=True)

    return asyncio.run(together())


async def _execute(notebook: Any) -> Any:
    # Only here: libraries of Jupyter warn as they are imported, which pytest takes for an error.
    from nbclient import NotebookClient

    notebook = deepcopy(notebook)
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("BFX_", "PYTEST_"))
    }
    with TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT_S,
            startup_timeout=TIMEOUT_S,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": folder}},
        )
        await client.async_execute(env=env)
    for cell in code_cells(notebook):
        cell.outputs = joined(cell.outputs)
    return notebook


def joined(outputs: Iterable[Any]) -> list[Any]:
    """Join consecutive texts of a stream: how a kernel cuts them depends on its speed."""
    whole: list[Any] = []
    for output in outputs:
        before = whole[-1] if whole else {}
        is_text = output.output_type == "stream"
        if is_text and before.get("name") == output.name:
            before.text += output.text
        else:
            whole.append(output)
    return whole


def code_cells(notebook: Any) -> list[Any]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shape(cell: Any) -> list[tuple[str, ...]]:
    """Return what the outputs of a cell are, without their contents."""
    return [
        (output.output_type, output.get("name", ""), *sorted(output.get("data", ())))
        for output in cell.outputs
    ]


def texts(notebook: Any) -> Iterator[str]:
    """Yield the texts of all outputs; pictures are decoded."""
    for cell in code_cells(notebook):
        for output in cell.outputs:
            parts = [output.get("text", ""), *output.get("data", {}).values()]
            parts += output.get("traceback", ())
            for part in map(str, parts):
                yield _PICTURE.sub("", part)
                yield from pictures(part)


def pictures(text: str) -> list[str]:
    """Return the SVG of the pictures in a text."""
    return [base64.b64decode(each).decode() for each in _PICTURE.findall(text)]


_ACCOUNT = PaperAccount()

_LEAKS = {
    "a key": rf"{_ACCOUNT.api_key}|\b[A-Za-z0-9]{{43}}\b",
    "a secret": _ACCOUNT.api_secret,
    "a signature or token": r"\b[0-9a-f]{32,}\b",
    # SVG has the name of its language, which is no host.
    "an address": r"\b\w+://(?!www\.w3\.org/)|\b\d{1,3}(\.\d{1,3}){3}\b|\blocalhost\b",
    "a path of a machine": r"(?<![\w.<])/(home|root|Users|tmp|usr|var|work)/|[A-Z]:\\\\",
    "a host name": rf"\b{re.escape(socket.gethostname())}\b",
}


def leaks(found: Iterable[str]) -> list[str]:
    """Return which secrets, hosts and paths are in texts, with the text around them."""
    return [
        f"{kind}: {text[max(0, match.start() - 20) : match.end() + 20]!r}"
        for text in found
        for kind, pattern in _LEAKS.items()
        for match in re.finditer(pattern, text)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Execute notebooks; return the exit status."""
    parser = argparse.ArgumentParser(description="execute the example notebooks")
    parser.add_argument("names", nargs="*", help="such as market_data; all by default")
    parser.add_argument("--write", action="store_true", help="store them executed")
    options = parser.parse_args(arguments)
    paths = [
        path for path in NOTEBOOKS if not options.names or path.stem in options.names
    ]
    status = 0
    for path, notebook in zip(paths, execute([read(path) for path in paths])):
        if isinstance(notebook, Exception):
            print(f"{path.stem}: {notebook}")
            status = 1
            continue
        notebook.metadata = _METADATA
        text = nbformat.writes(notebook) + "\n"
        found = leaks(texts(notebook))
        print(f"{path.stem}: {len(text):,} bytes", *found, sep="\n    ")
        if found:
            status = 1
        elif options.write:
            path.write_text(text, "utf-8")
    return status


if __name__ == "__main__":
    sys.exit(main())
