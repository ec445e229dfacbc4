"""What a cell has made ends as it is run again."""

from __future__ import annotations

import gc
import threading

import pytest

from bfxsync._base import cells as base
from bfxsync.models import Trade
from bfxsync.models.model_list import ModelList
from bfxsync.notebook import cells
from bfxsync.notebook.cells import CELLS

SUBSCRIBE = """
bfx = bfxsync.notebook.client("main", wss_host=url)
bfx.wss.subscribe_ticker("tBTCUSD", got.append)
"""


def subscriptions(client):
    return client.wss._core.placement.subscribers()


def test_a_cell_run_thrice_leaves_one_client_and_callback(notebook):
    notebook.run("got = []")
    for _ in range(3):
        notebook.run(SUBSCRIBE)
    gc.collect()
    names = [t.name for t in threading.enumerate() if t.name.startswith("bfxsync-io")]
    assert len(names) == 1
    assert len(subscriptions(notebook["bfx"])) == 1


@pytest.mark.parametrize("ids", [(None, None), ("a", "b")])
def test_other_cells_keep_their_subscriptions(notebook, ids):
    notebook.run("got = []\nbfx = bfxsync.notebook.client(wss_host=url)")
    one = "one = bfx.wss.subscribe_ticker('tBTCUSD', got.append)"
    many = (
        "many = bfx.wss.subscribe_many([{'channel': 'ticker', 'symbol': 'tETHUSD'}, "
        "{'channel': 'trades', 'symbol': 'tBTCUSD'}])"
    )
    notebook.run(one, ids[0])
    notebook.run(many, ids[1])
    earlier = notebook["many"]
    notebook.run(many, ids[1])
    assert notebook["one"].is_active
    assert [each.is_active for each in earlier] == [False, False]
    assert all(each.is_active for each in notebook["many"])


def test_a_cell_with_an_id_may_change_its_text(notebook):
    notebook.run("%load_ext bfxsync\nbfx = bfxsync.Client(wss_host=url)")
    notebook.run("a = bfx.wss.subscribe_ticker('tBTCUSD')", "cell-1")
    notebook.run("b = bfx.wss.subscribe_ticker('tETHUSD')", "cell-1")
    assert not notebook["a"].is_active and notebook["b"].is_active
    notebook["bfx"].close()


def test_handlers_end_with_their_cell(notebook):
    notebook.run("got = []\nbfx = bfxsync.notebook.client(wss_host=url)")
    for _ in range(2):
        notebook.run(
            "@bfx.wss.on('t_ticker_update')\ndef _(sub, update): got.append(update)"
        )
    handlers = notebook["bfx"].wss._core.publisher.listeners
    assert len(handlers.of("t_ticker_update")) == 1
    notebook.run("bfx.wss.on('open', print); bfx.wss.off('open', print)")
    assert handlers.of("open") == ()
    # What is gone already does no harm.
    notebook.run("bfx.wss.on('open', print); bfx.wss.off('open', print)")


def test_a_history_with_a_callback_ends_with_its_cell(notebook, exchange):
    notebook.run(
        "got = []\nbfx = bfxsync.notebook.client(wss_host=url, "
        f"rest_host={exchange.rest_url!r})"
    )
    text = (
        "from datetime import timedelta\n"
        "past = bfx.trades('tBTCUSD', since=timedelta(minutes=1), callback=got.append)"
    )
    notebook.run(text)
    first = notebook["past"]
    notebook.run(text)
    assert "closed" in repr(first) and "closed" not in repr(notebook["past"])
    assert len(notebook["bfx"]._histories.running) <= 2


def test_a_subscription_by_a_callback_belongs_to_its_cell(notebook):
    notebook.run("bfx = bfxsync.notebook.client(wss_host=url)\nmade, ready = [], []")
    text = """
import threading
done = threading.Event()
def on_ticker(update):
    if not done.is_set():
        made.append(bfx.wss.subscribe_ticker("tETHUSD", wait=False))
        done.set()
bfx.wss.subscribe_ticker("tBTCUSD", on_ticker)
assert done.wait(10)
"""
    notebook.run(text)
    notebook.run(text)
    first, second = notebook["made"]
    assert not first.is_active and second.is_active


def test_a_thread_of_the_user_belongs_to_no_cell(notebook):
    notebook.run("bfx = bfxsync.notebook.client(wss_host=url)")
    text = """
import threading
made = []
thread = threading.Thread(target=lambda: made.append(bfx.wss.subscribe_ticker("tBTCUSD")))
thread.start()
thread.join()
"""
    notebook.run(text)
    (first,) = notebook["made"]
    notebook.run(text)
    assert first.is_active


def test_the_extension_can_be_unloaded(notebook):
    notebook.run("%load_ext bfxsync")
    assert CELLS.is_watching and base.is_notebook()
    text = (
        "bfx = bfxsync.Client(wss_host=url)\none = bfx.wss.subscribe_ticker('tBTCUSD')"
    )
    notebook.run(text)
    first, client = notebook["one"], notebook["bfx"]
    notebook.run("%unload_ext bfxsync")
    assert not CELLS.is_watching and not base.is_notebook()
    notebook.run(text)
    assert first.is_active
    client.close()
    notebook["bfx"].close()


def test_a_reloaded_extension_knows_the_cells(notebook):
    notebook.run("%load_ext bfxsync")
    view = View()
    notebook.shell.user_ns["show"] = lambda: cells.register(view)
    notebook.run("show()")
    notebook.shell.extension_manager.unload_extension("bfxsync")
    notebook.run("show()")
    assert view.stops == 0
    notebook.run("%load_ext bfxsync")
    notebook.run("show()")
    assert view.stops >= 1


def test_lists_of_models_are_tables_with_the_extension(notebook):
    formatter = notebook.shell.display_formatter.formatters["text/html"]
    models, others = [Trade(1, 1, 1.0, 1.0)], [1]
    assert formatter(models) is None
    formatter.for_type(list, lambda values: "former")
    notebook.run("%load_ext bfxsync")
    assert "<table" in formatter(models) and formatter(others) == "former"
    notebook.run("%unload_ext bfxsync")
    assert formatter(models) == "former"
    formatter.pop(list)
    notebook.run("%load_ext bfxsync")
    assert "<table" in formatter(models) and formatter(others) is None
    # Lists of other packages have tables of their own.
    assert formatter(OwnList()) == "own"
    assert "<table" in formatter(ModelList(models, Trade))
    # Another formatter that was registered later stays.
    formatter.for_type(list, lambda values: "later")
    notebook.run("%unload_ext bfxsync")
    assert formatter(models) == "later"
    formatter.pop(list)


class OwnList(list):
    def _repr_html_(self):
        return "own"


class View:
    def __init__(self, error=None):
        self.stops = 0
        self.is_stopped = False
        self.error = error

    def stop(self):
        self.stops += 1
        if self.error is not None:
            raise self.error


def test_a_view_is_stopped_by_the_next_run(notebook):
    notebook.shell.user_ns["register"], views = cells.register, []
    notebook.shell.user_ns["show"] = lambda: views.append(View()) or register(views[-1])
    register = cells.register
    notebook.run("show()")
    notebook.run("1")
    assert [view.stops for view in views] == [0]
    notebook.run("show()")
    assert [view.stops for view in views] == [1, 0]


def test_one_that_cannot_be_stopped_does_no_harm(notebook, caplog):
    views = [View(ValueError("broken")), View()]
    notebook.shell.user_ns["show"] = lambda: [cells.register(view) for view in views]
    notebook.run("show()")
    notebook.run("show()")
    assert [view.stops for view in views] == [1, 1]
    assert "could not stop" in caplog.text


def test_what_has_ended_is_forgotten(notebook):
    view = View()
    notebook.shell.user_ns["show"] = lambda: cells.register(view)
    notebook.run("show()")
    assert len(CELLS._by_key) == 1
    view.is_stopped = True
    notebook.run("2")
    assert CELLS._by_key == {}


def test_what_callbacks_make_and_end_takes_no_memory():
    cell = cells.Cell(("text", "x"))
    for number in range(1_000):
        cell.add(lambda: None, lambda number=number: number % 10 > 0)
    assert len(cell) <= 202


def test_a_closed_client_is_forgotten_with_its_handlers(notebook):
    notebook.run(
        "bfx = bfxsync.notebook.client(wss_host=url)\nbfx.wss.on('open', print)"
    )
    assert len(CELLS._by_key) == 1
    notebook.run("bfx.close()")
    notebook.run("1")
    assert CELLS._by_key == {}


def test_a_cell_run_by_another_has_its_own(notebook):
    notebook.run("%load_ext bfxsync")
    outer, inner = View(), View()
    notebook.shell.user_ns.update(
        outer=lambda: cells.register(outer), inner=lambda: cells.register(inner)
    )
    notebook.run("get_ipython().run_cell('inner()')\nouter()")
    notebook.run("inner()")
    assert (outer.stops, inner.stops) == (0, 1)


def test_what_is_made_below_a_magic_ends_with_its_cell(notebook):
    notebook.run("%load_ext bfxsync")
    view = View()
    notebook.shell.user_ns["make"] = lambda: cells.register(view)
    notebook.run("%%capture\nmake()", "cell-1")
    assert view.stops == 0
    notebook.run("%%capture\n'other text'", "cell-1")
    assert view.stops == 1


def test_a_late_callback_of_an_earlier_run_makes_nothing(notebook):
    view = View()
    cell = cells.Cell(("text", "x"))
    cell.end()
    cell.add(view.stop, lambda: False)
    assert view.stops == 1 and len(cell) == 0


def test_outside_of_a_notebook_nothing_is_registered(monkeypatch):
    monkeypatch.setattr(base, "shell", lambda: None)
    cells.register(View())
    assert not CELLS.is_watching
    assert base.in_cell(print) is print and base.in_cell(None) is None
