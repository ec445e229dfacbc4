"""Programs for the official client become programs that run, and what is left is said."""

from __future__ import annotations

import json
import os
import random
import re
import stat
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from patience import at_most
from programs import run_program
from warm_python import WarmPython

from bfxsync.compat.migrate import migrate
from bfxsync.compat.migrate.__main__ import FAILED, LEFT, OK, main
from bfxsync.compat.migrate.source import HAS_F_STRING_POSITIONS
from bfxsync.paper import PaperExchange

TESTS = Path(__file__).parent.parent
OFFICIAL = TESTS / "compat" / "official"
MOVING = TESTS.parent / "examples" / "moving"
PROGRAMS = sorted(path.relative_to(MOVING).as_posix() for path in MOVING.rglob("*.py"))
HEAD = "from bfxapi import Client\nbfx = Client()\n"


def result_of(text):
    """The new text of a program, and its findings by line."""
    ((source, new),) = migrate({"program.py": text})
    compile(new, "program.py", "exec")
    ((_, again),) = migrate({"program.py": new})
    assert again == new
    return new, source.findings()


def migrated(text):
    """The new text of a program after its imports; nothing may be left."""
    new, findings = result_of(HEAD + dedent(text))
    assert [text for _, text, is_left in findings if is_left] == []
    return new.replace("from bfxsync import Client\nbfx = Client()\n", "", 1)


def left(text):
    """What is left of a program that begins in line 1, each thing with its line."""
    _, findings = result_of(dedent(text).lstrip("\n") + HEAD)
    return [f"{line}: {text}" for line, text, is_left in findings if is_left]


CHANGES = {
    "a handler": (
        """
        @bfx.wss.on("open")
        async def on_open():
            await bfx.wss.subscribe("ticker", symbol="tBTCUSD")  # one
        """,
        """
        @bfx.wss.on("open")
        def on_open():
            bfx.wss.subscribe("ticker", symbol="tBTCUSD")  # one
        """,
    ),
    "blanks, comments and continued lines": (
        """
        async   def f( a,b ):  # kept
            await(bfx.wss.inputs . calc(
                "balance",   # kept, too
            ))
            x = await \\
                bfx.wss.close( )
            return (  await bfx.wss.notify( 'é€😀' ),await bfx.wss.close() )
        """,
        """
        def f( a,b ):  # kept
            (bfx.wss.inputs . calc(
                "balance",   # kept, too
            ))
            x = bfx.wss.close( )
            return (  bfx.wss.notify( 'é€😀' ),bfx.wss.close() )
        """,
    ),
    "functions that wait for each other": (
        """
        class Bot:
            async def start(self):
                await self.subscribe()
                await later(self)

            async def subscribe(self):
                await bfx.wss.subscribe("book", symbol="tBTCUSD")

        async def later(bot):
            await bot.subscribe()
        """,
        """
        class Bot:
            def start(self):
                self.subscribe()
                later(self)

            def subscribe(self):
                bfx.wss.subscribe("book", symbol="tBTCUSD")

        def later(bot):
            bot.subscribe()
        """,
    ),
    "start that waits until the client is closed": (
        """
        async def main():
            await bfx.wss.start()
        """,
        """
        def main():
            bfx.wss.run()
        """,
    ),
    "asyncio.run": (
        """
        import asyncio
        import sys

        async def main():
            pass

        if __name__ == "__main__":
            asyncio.run(main(), debug=True)
        """,
        """
        import sys

        def main():
            pass

        if __name__ == "__main__":
            main()
        """,
    ),
    "methods with the names of functions of asyncio": (
        """
        import asyncio
        import os.path

        class Bot:
            async def run(self):
                await self.sleep()

            async def sleep(self):
                await asyncio.sleep(1)

            async def exists(self):
                return os.path.exists("x")

        asyncio.run(Bot().run())
        """,
        """
        import time
        import os.path

        class Bot:
            def run(self):
                self.sleep()

            def sleep(self):
                time.sleep(1)

            def exists(self):
                return os.path.exists("x")

        Bot().run()
        """,
    ),
    "asyncio.run of start": (
        "import asyncio\nasyncio.run(bfx.wss.start())\n",
        "bfx.wss.run()\n",
    ),
    "start in the background": (
        """
        import asyncio
        import time
        async def main():
            asyncio.create_task(bfx.wss.start())
            await asyncio.sleep(10)
        asyncio.run(main())
        """,
        """
        import time
        def main():
            bfx.wss.start()
            time.sleep(10)
        main()
        """,
    ),
    "an event loop": (
        """
        import asyncio
        loop = asyncio.get_event_loop()
        asyncio.set_event_loop(loop)
        try:
            loop.run_until_complete(bfx.wss.start())
        finally:
            loop.close()
        """,
        """
        try:
            bfx.wss.run()
        finally:
            pass
        """,
    ),
    "an event loop without a name, and comments": (
        """
        import asyncio
        async def main():
            pass
        asyncio.get_event_loop().run_until_complete(main())
        asyncio.run(  # one
            main(),  # two
        )  # three
        """,
        """
        def main():
            pass
        main()
        (  # one
            main()  # two
        )  # three
        """,
    ),
    "sleep under the names it may have": (
        """
        from asyncio import run, sleep  # both
        async def main():
            await sleep(.5)
        run(main())
        """,
        """
        import time  # both
        def main():
            time.sleep(.5)
        main()
        """,
    ),
    "sleep where time is something else": (
        """
        import asyncio as aio
        from time import time
        async def main():
            await aio.sleep(time())
        aio.run(main())
        """,
        """
        import time as _time
        from time import time
        def main():
            _time.sleep(time())
        main()
        """,
    ),
    "calls at the same time": (
        """
        import asyncio
        SYMBOLS = []
        async def main():
            await asyncio.gather(
                bfx.wss.subscribe("status", key="liq:global"),
                *[bfx.wss.subscribe("book", symbol=symbol) for symbol in SYMBOLS],
            )
        """,
        """
        SYMBOLS = []
        def main():
            [
                bfx.wss.subscribe("status", key="liq:global"),
                *[bfx.wss.subscribe("book", symbol=symbol) for symbol in SYMBOLS],
            ]
        """,
    ),
    "async for over a generator of the program": (
        """
        async def symbols():
            yield "tBTCUSD"

        async def main():
            async  for symbol in symbols():
                print(symbol)
            return [s async for s in symbols() if s], {s: 1 async  for s in symbols()}
        """,
        """
        def symbols():
            yield "tBTCUSD"

        def main():
            for symbol in symbols():
                print(symbol)
            return [s for s in symbols() if s], {s: 1 for s in symbols()}
        """,
    ),
    "objects of threads": (
        """
        import queue, threading
        lock, items = threading.Lock(), 1
        guard = threading.Lock()
        orders = queue.Queue()
        async def main():
            async with guard:
                await orders.put(1)
        """,
        """
        import queue, threading
        lock, items = threading.Lock(), 1
        guard = threading.Lock()
        orders = queue.Queue()
        def main():
            with guard:
                orders.put(1)
        """,
    ),
    "names for parts of the client": (
        """
        wss = bfx.wss
        async def f(inputs, socket: "no" = None):
            await wss.close()
            await inputs.cancel_order(id=1)
        """,
        """
        wss = bfx.wss
        def f(inputs, socket: "no" = None):
            wss.close()
            inputs.cancel_order(id=1)
        """,
    ),
    "handlers that are registered in other ways": (
        """
        from functools import partial
        async def one(order): ...
        async def two(name, order): ...
        async def three(order): ...
        bfx.wss.on("order_new")(one)
        bfx.wss.on("order_new", partial(two, "x"))
        bfx.wss.on("order_new", lambda order: three(order))
        """,
        """
        from functools import partial
        def one(order): ...
        def two(name, order): ...
        def three(order): ...
        bfx.wss.on("order_new")(one)
        bfx.wss.on("order_new", partial(two, "x"))
        bfx.wss.on("order_new", lambda order: three(order))
        """,
    ),
    "handlers that are made and kept": (
        """
        def handler(name):
            async def handle(*arguments):
                await bfx.wss.close()
            return handle
        async def other(order):
            pass
        HANDLERS = {"order_new": other}
        def register(name, function):
            bfx.wss.on(name, callback=function)
        register("order_update", other)
        """,
        """
        def handler(name):
            def handle(*arguments):
                bfx.wss.close()
            return handle
        def other(order):
            pass
        HANDLERS = {"order_new": other}
        def register(name, function):
            bfx.wss.on(name, callback=function)
        register("order_update", other)
        """,
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_is_changed(name):
    before, after = map(dedent, CHANGES[name])
    assert migrated(before) == after


IMPORTS = {
    "import bfxapi": "import bfxsync",
    "import bfxapi as api": "import bfxsync as api",
    "import bfxapi.types, os": "import bfxsync.types, os",
    "from bfxapi.types import (  # one\n    Order,\n)": (
        "from bfxsync.types import (  # one\n    Order,\n)"
    ),
    "from bfxapi.types import *": "from bfxsync.types import *",
    "from bfxapi.types.dataclasses import Order as O": "from bfxsync.types import Order as O",
    "from bfxapi.types.notification import Notification": (
        "from bfxsync.types import Notification"
    ),
    "from bfxapi.websocket import subscriptions": "from bfxsync.websocket import subscriptions",
    "from bfxapi.websocket import BfxWebSocketClient": (
        "from bfxsync.websocket import BfxWebSocketClient"
    ),
    "from bfxapi.rest import BfxRestInterface": (
        "from bfxsync.rest.client import RestClient as BfxRestInterface"
    ),
    "from bfxapi.rest.exceptions import GenericError": (
        "from bfxsync.rest.exceptions import GenericError"
    ),
    # Of its version 3, where the flags of orders had this name.
    "from bfxapi.enums import OrderType, Flag": (
        "from bfxsync import OrderType, OrderFlag as Flag"
    ),
    "def f(x: 'bfxapi'):\n    from bfxapi import Client": (
        "def f(x: 'bfxapi'):\n    from bfxsync import Client"
    ),
}


@pytest.mark.parametrize("before", IMPORTS)
def test_imports_are_replaced(before):
    assert result_of(f"{before}\n")[0] == f"{IMPORTS[before]}\n"


def test_every_official_import_becomes_one_that_works():
    text = (TESTS / "data" / "official_names.txt").read_text()
    lines = text.split("[imports]")[1].split("[events]")[0]
    new, findings = result_of(lines)
    assert findings == [] and "bfxapi" not in new
    exec(new, {})


def test_uses_of_the_package_are_replaced():
    new, findings = result_of(
        "import bfxapi\nimport bfxapi.types\n"
        "def f(order: bfxapi.types.Order) -> bfxapi.Client: ...\n"
    )
    assert new.count("bfxsync") == 4 and "bfxapi" not in new and findings == []


LEFT_BY_HAND = {
    "another library": (
        """
        import aiohttp
        async def main():
            await bfx.wss.close()
            async with aiohttp.ClientSession() as session:
                answer = await session.get("x")
        """,
        [
            "2: main stays a coroutine: it waits for something in line 4.",
            "4: async with stays: this is not of the client.",
            "5: await stays: session.get is not a call of the client or of these files.",
        ],
    ),
    "a handler that waits for another library": (
        """
        @bfx.wss.on("open")
        async def on_open():
            await other.call()
        """,
        [
            "2: on_open stays a coroutine: it waits for something in line 3."
            " Handlers must be plain functions.",
            "3: await stays: other.call is not a call of the client or of these files.",
        ],
    ),
    "tasks, locks and queues": (
        """
        import asyncio
        lock, orders = asyncio.Lock(), asyncio.Queue()
        async def loop():
            await asyncio.sleep(1)
        async def main():
            asyncio.create_task(loop())
        """,
        [
            "2: asyncio.Lock stays: threading.Lock, used with a plain with.",
            "2: asyncio.Queue stays: queue.Queue, whose get and put are plain calls.",
            "3: loop stays a coroutine: it is used as a coroutine in line 6.",
            "4: asyncio.sleep stays: time.sleep.",
            "6: asyncio.create_task stays: start a thread:"
            " threading.Thread(target=function, daemon=True).start().",
        ],
    ),
    "functions at the same time": (
        """
        import asyncio
        async def one(): ...
        async def both():
            await asyncio.gather(one(), bfx.wss.start())
        """,
        [
            "2: one stays a coroutine: it is used as a coroutine in line 4.",
            "3: both stays a coroutine: it waits for something in line 4.",
            "4: asyncio.gather stays: wss.start() returns at once: call it first, then the others,"
            " in threads if they go on.",
        ],
    ),
    "decorators and classes of others": (
        """
        import web
        from bot import Bot
        @web.get("/")
        async def page():
            await bfx.wss.close()
        class Mine(Bot):
            async def on_ready(self): ...
        class Manager:
            async def __aenter__(self): ...
        """,
        [
            "4: page stays a coroutine: its decorator web.get may need it.",
            "7: on_ready stays a coroutine: bot.Bot may need it.",
            "9: __aenter__ stays a coroutine: Python calls it by this name.",
        ],
    ),
    "a client that has another one": (
        """
        import websockets
        async def main(url):
            wss = await websockets.connect(url)
            await wss.close()
        """,
        [
            "2: main stays a coroutine: it waits for something in line 3.",
            "3: await stays: websockets.connect is not a call of the client or of these files.",
            "4: await stays: wss.close is not a call of the client or of these files.",
        ],
    ),
    "methods of others with the name of an own one": (
        """
        import aiohttp
        class Bot:
            def __init__(self, session: aiohttp.ClientSession):
                self.session = session
                self.other = aiohttp.ClientSession()
            async def close(self):
                await bfx.wss.close()
            async def leave(self, session: aiohttp.ClientSession, bot):
                await session.close()
                await self.other.close()
                await bot.close()
        """,
        [
            "8: leave stays a coroutine: it waits for something in line 9.",
            "9: await stays: session.close is not a call of the client or of these files.",
            "10: await stays: self.other.close is not a call of the client or of these files.",
        ],
    ),
    "names that do not exist here": (
        """
        import bfxapi._utils.logging
        from bfxapi.types import Nothing, Order
        from bfxapi.types.serializers import Order as _Order
        """,
        [
            "1: import bfxapi._utils.logging stays: bfxsync has no such module.",
            "2: bfxapi.types.Nothing stays: bfxsync has no such name.",
            "3: bfxapi.types.serializers.Order stays: bfxsync has no such name.",
        ],
    ),
    "a program for version 2": (
        """
        import nest_asyncio
        from bfxapi import Client, WSEvents
        bfx = Client()
        nest_asyncio.apply()
        @bfx.ws.on(WSEvents.AUTHENTICATED)
        async def submit(_):
            await bfx.ws.submit_order("tBTCUSD")
        """,
        [
            "2: bfxapi.WSEvents stays: bfxsync has no such name; is it of a version before 3?",
            "4: nest_asyncio.apply stays: bfxsync has no event loop.",
            "5: Client.ws is of versions before 3, whose methods had other names.",
            "6: submit stays a coroutine: its decorator bfx.ws.on may need it.",
            "7: await stays: bfx.ws.submit_order is not a call of the client or of these files.",
            "7: Client.ws is of versions before 3, whose methods had other names.",
        ],
    ),
    "attributes, events and arguments": (
        """
        from bfxapi import Client
        import logging
        bfx = Client(log_filename="x", API_KEY="y", timeout=60, log_level="INFO",
                     wss_timeout=None, nothing=1)
        if bfx.wss.open and bfx.rest.auth.get_nothing():
            bfx.wss.on("open", "nothing", callback=print)
        logging.getLogger("bfxapi")
        """,
        [
            "3: Client has no argument log_filename: logging.basicConfig(filename=…) writes"
            " the log.",
            "3: Client has no argument API_KEY: is it api_key?",
            "3: Client has no argument log_level: logging.basicConfig(level=…) sets it.",
            "4: Client has no argument wss_timeout: reconnecting goes on until close().",
            "4: Client has no argument nothing: see docs/howto/moving.rst.",
            "5: wss.open stays: bfxsync has no such name; wss.status is a ConnectionStatus.",
            "5: rest.auth.get_nothing stays: bfxsync has no such name; see docs/howto/moving.rst.",
            "6: bfxsync has no event 'nothing'.",
            "6: wss.on takes one event: register the function for each.",
            "7: the text 'bfxapi' stays: is it a module or a logger?",
        ],
    ),
}


@pytest.mark.parametrize("name", LEFT_BY_HAND)
def test_what_is_left_is_reported(name):
    before, expected = LEFT_BY_HAND[name]
    assert left(before) == expected


def test_what_was_changed_by_hand_goes_on_from_there():
    text = HEAD + dedent("""
        import asyncio
        async def loop():
            await asyncio.sleep(1)
        async def main():
            asyncio.create_task(loop())
        """)
    first, _ = result_of(text)
    assert "async def loop" in first and "asyncio.sleep" in first
    by_hand = first.replace(
        "asyncio.create_task(loop())",
        "import threading; threading.Thread(target=loop, daemon=True).start()",
    )
    second, findings = result_of(by_hand)
    assert findings == [] and "async" not in second


def test_what_behaves_differently_is_reported_and_not_left():
    new, findings = result_of(
        "import asyncio\nfrom bfxapi import Client\nbfx = Client(timeout=5)\n"
        "@bfx.wss.on('open')\nasync def on_open():\n    await asyncio.sleep(1)\n"
    )
    assert [is_left for *_, is_left in findings] == [False, False]
    assert "time.sleep(1)" in new


def test_an_await_inside_an_f_string():
    text = HEAD + "async def f():\n    return f'{await bfx.wss.close()!r}'\n"
    new, findings = result_of(text)
    if HAS_F_STRING_POSITIONS:
        assert "def f():\n    return f'{bfx.wss.close()!r}'" in new and findings == []
    else:
        assert "async def f" in new and any("f-string" in each[1] for each in findings)


def test_files_of_one_program_are_changed_together():
    helper = "async def wait(bfx):\n    await bfx.wss.close()\n"
    user = f"{HEAD}from helper import wait\nasync def main():\n    await wait(bfx)\n"
    (_, first), (_, second) = migrate({"lib/helper.py": helper, "user.py": user})
    assert "async" not in first and "await" not in first + second
    kept = "async def wait(bfx):\n    await other()\n"
    (_, first), (source, second) = migrate({"helper.py": kept, "user.py": user})
    assert first == kept and "await wait(bfx)" in second
    assert source.findings()[0][1].endswith("it waits for something in line 5.")
    # Alone, nothing is known of it.
    ((source, second),) = migrate({"user.py": user})
    assert "await wait(bfx)" in second and len(source.findings()) == 2


def test_names_of_other_files_do_not_matter():
    other = HEAD + "async def main():\n    await other()\n"
    mine = HEAD + "async def main():\n    await bfx.wss.close()\nmain = main\n"
    _, (_, new) = migrate({"a.py": other, "b.py": mine})
    assert "async" not in new


# --- whole programs ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_of_the_examples_is_its_official_form_migrated(name):
    after = (MOVING / name).read_text()
    if (OFFICIAL / name).exists():
        before = (OFFICIAL / name).read_text()
        assert "await " in before or name.endswith("wallets.py")
    else:
        assert ".wss" not in after
        before = re.sub(r"^from bfxsync", "from bfxapi", after, flags=re.M)
    assert result_of(before) == (after, [])


def test_the_official_programs_use_every_public_name():
    programs = "\n".join(path.read_text() for path in OFFICIAL.rglob("*.py"))
    words = set(re.findall(r"[\w-]+", programs))
    names = (TESTS / "data" / "official_names.txt").read_text().split("[events]")[1]
    events = {line.split()[0] for line in names.strip().splitlines()}
    # Of its version 3, as are the methods of merchants and of Pulse.
    assert events - words <= {"wss-error"}
    rows = (TESTS / "data" / "rest" / "official-methods.jsonl").read_text().splitlines()
    methods = {r["method"]: r["on"] for r in map(json.loads, rows)}
    missing = {name for name in methods if name not in words}
    assert all(methods[each] == "merchant" or "pulse" in each for each in missing)


@pytest.fixture(scope="module")
def exchange():
    with PaperExchange(
        rate=20, checksum_s=0.2, ticker_s=0.2, liquidation_s=0.2
    ) as exchange:
        yield exchange


@pytest.mark.once
@pytest.mark.parametrize(
    "name, last", [("rest_calls.py", "all methods were called"), ("events.py", "ended")]
)
def test_a_migrated_program_with_every_name_runs(exchange, tmp_path, name, last):
    path = tmp_path / name
    path.write_text((OFFICIAL / name).read_text())
    assert main(["--write", str(path)]) in (OK, LEFT)
    variables = {
        "BFX_WSS_HOST": exchange.url,
        "BFX_REST_HOST": exchange.rest_url,
        "BFX_API_KEY": "paper-key",
        "BFX_API_SECRET": "paper-secret",
    }
    with WarmPython() as python:
        output = run_program(
            python,
            [str(path)],
            endless=False,
            enough=lambda lines: bool(lines) and lines[-1] == last,
            folder=tmp_path,
            variables=variables,
            timeout=at_most(30),
        )
    assert "failed" not in output
    refused = re.findall(r"^(\w+) was refused", output, re.M)
    # What this exchange does not simulate, and what does not exist there.
    assert set(refused) <= {
        "increase_position",
        "get_increase_position_info",
        "submit_funding_close",
        "toggle_keep_funding",
    }
    if name == "events.py":
        assert output.count("no such ") == 4 and "disconnected 1001 enough" in output


# --- the command ------------------------------------------------------------------------------

PROGRAM = HEAD + 'async def f():\n    await bfx.wss.close()  # "\u00e9"\n'
CHANGED = (
    PROGRAM.replace("bfxapi", "bfxsync").replace("async ", "").replace("await ", "")
)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, encoding="utf-8")
    return path


def test_the_default_is_a_diff_that_can_be_applied(file, capsys):
    assert main([str(file)]) == OK
    out, err = capsys.readouterr()
    assert file.read_text("utf-8") == PROGRAM and err == ""
    assert f"--- {file}\n+++ {file}\n" in out
    assert "-async def f():\n" in out and "+def f():\n" in out


def test_write_changes_the_file_and_a_second_run_nothing(file, capsys):
    os.chmod(file, 0o754)
    assert main(["-w", str(file)]) == OK
    assert file.read_text("utf-8") == CHANGED
    assert stat.S_IMODE(file.stat().st_mode) == 0o754
    before = file.stat()
    assert main(["--write", "--diff", str(file)]) == OK
    assert file.stat().st_ino == before.st_ino  # not even written
    assert capsys.readouterr() == ("", "")
    assert [path.name for path in file.parent.iterdir()] == ["program.py"]


def test_a_link_stays_a_link(file, tmp_path):
    link = tmp_path / "link.py"
    link.symlink_to(file.name)
    assert main(["-w", str(link)]) == OK
    assert link.is_symlink() and file.read_text("utf-8") == CHANGED


@pytest.mark.parametrize("encoding", ["utf-8-sig", "latin-1", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encoding_and_line_ends_stay(file, encoding, newline):
    cookie = "" if encoding == "utf-8-sig" else f"# coding: {encoding}\n"
    text = (
        f"{cookie}import asyncio\n{PROGRAM}async def g():\n    await asyncio.sleep(1)\n"
    )
    file.write_bytes(text.replace("\n", newline).encode(encoding))
    assert main(["-w", str(file)]) == OK
    expected = f"{cookie}import time\n{CHANGED}def g():\n    time.sleep(1)\n"
    assert file.read_bytes() == expected.replace("\n", newline).encode(encoding)


def test_what_is_left_is_printed_with_the_lines_of_the_new_file(file, capsys):
    file.write_text(
        f"import asyncio\n{HEAD}async def f():\n    await bfx.wss.close()\n"
        "asyncio.run(f())\nasync def g():\n    await other()\n"
    )
    assert main([str(file)]) == LEFT
    err = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in err] == ["7", "8"]
    assert main(["-w", str(file)]) == LEFT
    err = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in err] == ["6", "7"]
    assert "await other()" in file.read_text().splitlines()[6]
    assert main(["-w", str(file)]) == LEFT
    assert capsys.readouterr().err.splitlines() == err
    assert err[0].endswith("it waits for something in line 7.")


@pytest.mark.parametrize(
    "content, text",
    [
        (b"def f(:\n", ":1: not changed: "),
        (b"x = '\xff'\n", ": not changed: "),
        (b"x = 1\x00\n", ": not changed: "),
        (b"from bfxapi import Client\nawait other()\n", ":2: not changed: "),
    ],
)
def test_what_cannot_be_understood_is_never_written(file, capsys, content, text):
    file.write_bytes(content)
    other = file.with_name("other.py")
    other.write_text(PROGRAM, encoding="utf-8")
    assert main(["-w", str(file), str(other)]) == FAILED
    out, err = capsys.readouterr()
    assert (out, file.read_bytes()) == ("", content)
    assert err.startswith(f"{file}{text}") and len(err.splitlines()) == 1
    assert other.read_text("utf-8") == CHANGED


def test_a_missing_file_or_a_folder_is_an_error(tmp_path, capsys):
    assert main([str(tmp_path), str(tmp_path / "none.py")]) == FAILED
    err = capsys.readouterr().err
    assert "Is a directory" in err and "No such file" in err


def test_the_module_is_a_command(file):
    command = [sys.executable, "-m", "bfxsync.compat.migrate"]
    help_text = subprocess.run([*command, "--help"], capture_output=True, text=True)
    assert "--write" in help_text.stdout and "exit codes" in help_text.stdout
    assert subprocess.run([*command], capture_output=True).returncode == FAILED


def test_any_program_of_this_package_is_read_and_written_whole():
    """Without anything official in them, they stay as they are but for their own coroutines."""
    paths = sorted((TESTS.parent / "bfxsync").rglob("*.py"))
    for path in random.Random(7).sample(paths, 25):
        text = path.read_text("utf-8")
        if "async" in text or "getattr" in text:
            continue
        ((_, new),) = migrate({str(path): text})
        assert new == text
