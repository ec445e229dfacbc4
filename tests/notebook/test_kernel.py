"""A kernel as a process: the cells of output, interrupts, and a notebook run by nbclient."""

from __future__ import annotations

import os
import queue
import time

import pytest
from patience import at_most

# Jupyter's own libraries warn about each other.
pytestmark = [
    pytest.mark.once,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def kernel(exchange, tmp_path_factory):
    from jupyter_client.manager import KernelManager

    folder = str(tmp_path_factory.mktemp("kernel"))
    manager = KernelManager(
        transport="ipc", connection_file=os.path.join(folder, "kernel.json")
    )
    manager.start_kernel(
        env={**os.environ, "IPYTHONDIR": folder, "JUPYTER_RUNTIME_DIR": folder}
    )
    channels = manager.blocking_client()
    try:
        channels.start_channels()
        channels.wait_for_ready(timeout=at_most(30))
        kernel = Kernel(manager, channels)
        kernel.run("start", f"import bfxsync, threading\nurl = {exchange.url!r}")
        yield kernel
    finally:
        channels.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


class Kernel:
    """Runs cells as JupyterLab does, with an id each, and collects what they print."""

    def __init__(self, manager, channels):
        self.manager = manager
        self._channels = channels
        self._cells = {}
        self._printed = {}
        self._html = {}

    def start(self, cell, code):
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        session = self._channels.session
        message = session.msg("execute_request", content, metadata={"cellId": cell})
        self._channels.shell_channel.send(message)
        self._cells[message["header"]["msg_id"]] = cell
        return message["header"]["msg_id"]

    def finish(self, request):
        """Return the status of the reply: ``ok``, or the name of an exception."""
        while True:
            reply = self._channels.get_shell_msg(timeout=at_most(20))
            if reply["parent_header"].get("msg_id") == request:
                content = reply["content"]
                return content.get("ename", content["status"])

    def run(self, cell, code):
        return self.finish(self.start(cell, code))

    def wait(self, condition):
        """Read output until the condition holds for (what the cells printed, their HTML)."""
        deadline = time.monotonic() + at_most(20)
        while not condition(self._printed, self._html):
            try:
                message = self._channels.get_iopub_msg(timeout=0.1)
            except queue.Empty:
                assert time.monotonic() < deadline, (self._printed, self._html)
                continue
            cell = self._cells.get(message["parent_header"].get("msg_id"), "?")
            content = message["content"]
            if message["msg_type"] == "stream":
                self._printed[cell] = self._printed.get(cell, "") + content["text"]
            elif message["msg_type"] == "execute_result":
                self._html[cell] = content["data"].get("text/html", "")


def test_output_of_a_callback_appears_in_its_cell(kernel):
    kernel.run("client", "bfx = bfxsync.Client(wss_host=url)")
    kernel.run(
        "print", "bfx.wss.subscribe_trades('tBTCUSD', lambda trade: print('seen'))"
    )
    kernel.run("raise", "bfx.wss.subscribe_trades('tETHUSD', lambda trade: 1 / 0)")
    kernel.run("last", "threading.Event().wait(0.1)")
    kernel.wait(lambda printed, html: printed.get("print", "").count("seen") >= 5)
    kernel.wait(lambda printed, html: "ZeroDivisionError" in printed.get("raise", ""))
    assert kernel._printed.keys() <= {"print", "raise"}
    kernel.run("close", "bfx.close()")


def test_an_interrupted_cell_keeps_the_client(kernel):
    kernel.run(
        "client", "bfx = bfxsync.Client(wss_host=url)\nstarted = threading.Event()"
    )
    code = "bfx.wss.subscribe_ticker('tBTCUSD', lambda tick: print('in run'))\nbfx.wss.run()"
    request = kernel.start("run", code)
    kernel.wait(lambda printed, html: "in run" in printed.get("run", ""))
    kernel.manager.interrupt_kernel()
    assert kernel.finish(request) == "KeyboardInterrupt"
    assert kernel.run("then", "assert bfx.wss.status.value == 'open'") == "ok"
    assert (
        kernel.run("get", "assert bfx.wss.subscribe_ticker('tETHUSD').get(10)") == "ok"
    )
    kernel.run("close", "bfx.close()")


def test_the_extension_ends_what_a_cell_has_made(kernel):
    assert kernel.run("extension", "%load_ext bfxsync") == "ok"
    kernel.run("client", "bfx = bfxsync.notebook.client(wss_host=url)")
    for _ in range(3):
        kernel.run(
            "again", "bfx.wss.subscribe_trades('tBTCUSD', lambda trade: trade.nope)"
        )
    kernel.run("other", "other = bfx.wss.subscribe_trades('tETHUSD')")
    code = "assert len(bfx.wss.stats()['subscriptions']) == 2 and other.is_active"
    assert kernel.run("check", code) == "ok"
    kernel.run(
        "wait", "bfx.wss.wait_for(lambda: bfx.stats()['wss']['error_count'], 10)"
    )
    # After the first cell that ends after an error.
    kernel.wait(lambda printed, html: "bfxsync: " in "".join(printed.values()))
    kernel.run("list", "list(next(other.events()).rows)")
    kernel.wait(lambda printed, html: "<table" in html.get("list", ""))
    kernel.run("close", "bfx.close()")


def test_nbclient_shows_errors_after_the_next_cell(exchange, tmp_path, monkeypatch):
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path))
    cells = [
        "%load_ext bfxsync",
        f"import bfxsync\nbfx = bfxsync.notebook.client(wss_host={exchange.url!r})",
        "sub = bfx.wss.subscribe_trades('tBTCUSD', lambda trade: trade.nope)",
        "bfx.wss.wait_for(lambda: sub.error_count, 10);",
        "sub",
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(c) for c in cells]
    )
    NotebookClient(notebook, timeout=at_most(30), kernel_name="python3").execute()
    printed = [
        line
        for cell in notebook.cells[2:]
        for out in cell.outputs
        if out.output_type == "stream"
        for line in out.text.splitlines()
    ]
    lines = [line for line in printed if line.startswith("bfxsync: ")]
    assert lines and "trades tBTCUSD: AttributeError" in lines[0]
    (shown,) = [out.data for out in notebook.cells[4].outputs if "data" in out]
    assert "Subscription trades tBTCUSD" in shown["text/html"]
