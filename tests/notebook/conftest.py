"""A shell of IPython in this process, as far as it needs no terminal, and a local exchange."""

from __future__ import annotations

import io
import sys
import threading

import pytest

from bfxsync.notebook import clients
from bfxsync.notebook.cells import CELLS
from bfxsync.paper import PaperExchange


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = threading.enumerate()
    yield
    for name in list(clients._clients):
        clients._clients.pop(name).client.close()
    ours = ("bfxsync-io", "bfxsync-dispatch")
    left = [
        thread
        for thread in threading.enumerate()
        if thread.name.startswith(ours) and thread not in before
    ]
    for thread in left:
        thread.join(2.0)
    assert [t.name for t in left if t.is_alive()] == []


@pytest.fixture(scope="module")
def exchange():
    with PaperExchange(rate=300.0, checksum_s=0.05) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def interactive_shell(tmp_path_factory):
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(
        ipython_dir=str(tmp_path_factory.mktemp("ipython")), config=config
    )
    yield shell
    InteractiveShell.clear_instance()


class Notebook:
    """Runs cells as a front end does; `run` returns what a cell has printed to stderr."""

    def __init__(self, shell) -> None:
        self.shell = shell

    def __getitem__(self, name):
        return self.shell.user_ns[name]

    def run(self, text, cell_id=None, fails=False):
        shown, sys.stderr = sys.stderr, io.StringIO()
        try:
            result = self.shell.run_cell(text, store_history=True, cell_id=cell_id)
            printed = sys.stderr.getvalue()
        finally:
            sys.stderr = shown
        if not fails:
            result.raise_error()
        return printed


@pytest.fixture
def notebook(interactive_shell, exchange):
    interactive_shell.reset()
    notebook = Notebook(interactive_shell)
    notebook.run(f"import bfxsync\nurl = {exchange.url!r}")
    yield notebook
    interactive_shell.reset()
    interactive_shell.extension_manager.unload_extension("bfxsync")
    CELLS.unwatch()
    CELLS._by_key.clear()
