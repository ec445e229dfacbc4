"""No child of a fork waits for an import that a thread of its parent was in."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading

import pytest
from patience import at_most

from bfxsync._base import forks
from bfxsync.paper import PaperExchange

DEADLINE_S = at_most(30.0)
CHILD_S = int(at_most(10))


def run(script: str) -> str:
    """Run a program in a process of its own, as imports happen but once."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_lazy_import_returns_what_it_loads() -> None:
    assert forks.lazily(lambda: forks.lazily(lambda: "loaded")) == "loaded"
    with pytest.raises(ImportError):
        forks.lazily(lambda: __import__("no_such_module"))
    assert forks._importing == {}


def test_fork_waits_for_the_imports_of_other_threads() -> None:
    entered, go, steps = threading.Event(), threading.Event(), []

    def load() -> None:
        entered.set()
        assert go.wait(DEADLINE_S)
        steps.append("imported")

    def fork() -> None:
        forks._before_fork()
        steps.append("forked")
        forks._after_fork_in_parent()

    loads = threading.Thread(target=forks.lazily, args=(load,))
    loads.start()
    assert entered.wait(DEADLINE_S)
    forking = threading.Thread(target=fork)
    forking.start()
    while not forks._forking:
        threading.Event().wait(0.001)
    # One that begins now waits for the fork.
    late = threading.Thread(target=forks.lazily, args=(lambda: steps.append("late"),))
    late.start()
    go.set()
    for thread in (loads, forking, late):
        thread.join(DEADLINE_S)
    assert steps == ["imported", "forked", "late"]
    assert forks._importing == {} and forks._forking == {}


def test_thread_that_forks_within_an_import_waits_for_nobody() -> None:
    def load() -> None:
        forks._before_fork()
        forks.lazily(int)
        forks._after_fork_in_parent()

    forks.lazily(load)
    assert forks._importing == {} and forks._forking == {}


def test_what_an_interrupt_left_behind_holds_up_no_fork(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forks, "_LONGEST_WAIT_S", 0.01)
    monkeypatch.setitem(forks._importing, "lost", -1)
    forks._before_fork()
    forks._after_fork_in_parent()
    monkeypatch.setitem(forks._forking, -1, True)
    assert forks.lazily(lambda: "loaded") == "loaded"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("what", ["rest.auth", "symbols"])
def test_r10_child_of_a_fork_during_the_first_call_makes_its_own(what: str) -> None:
    script = f"""
        import os, signal, sys, threading, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        from bfxsync import Client

        class Watch:
            # Told of every import; says when that of REST has begun.
            def find_spec(self, name, path=None, target=None):
                if name == "bfxsync.rest.public":
                    begun.set()

        begun = threading.Event()
        sys.meta_path.insert(0, Watch())
        bfx = Client("paper-key", "paper-secret", rest_host="http://127.0.0.1:9")
        thread = threading.Thread(target=lambda: bfx.{what})
        thread.start()
        begun.wait({CHILD_S})
        child = os.fork()
        if child == 0:
            signal.alarm({CHILD_S})
            bfx.{what}
            os._exit(7)
        print(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
        thread.join()
    """
    assert run(script) == "7\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize(
    "what, module",
    [
        ("bfxsync.Client", "bfxsync.ws.core.core"),
        ("bfxsync.replay", "bfxsync.recording.player"),
        ("bfxsync.models.Order", "bfxsync.models.orders"),
        ("Client('paper-key', 'paper-secret')", "bfxsync.guards.limits"),
        ("Client('paper-key', 'paper-secret').wss.inputs", "bfxsync.wire.orders"),
        ("Client('paper-key', 'paper-secret').wss.account", "bfxsync.ws.account"),
        ("Client(record=os.devnull)", "bfxsync.recording.output_file"),
    ],
)
def test_fork_waits_for_the_first_import_of_a_name(what: str, module: str) -> None:
    """Halfway through it, when other modules have been imported and this one has not."""
    script = f"""
        import os, signal, sys, threading, warnings
        warnings.simplefilter("ignore", DeprecationWarning)
        import bfxsync
        if "Client(" in "{what}":
            from bfxsync import Client

        class Watch:
            def find_spec(self, name, path=None, target=None):
                if name == "{module}":
                    begun.set()

        def use():
            try:
                {what}
            except bfxsync.UsageError:
                pass  # of the recording's file

        begun = threading.Event()
        sys.meta_path.insert(0, Watch())
        thread = threading.Thread(target=use)
        thread.start()
        print(begun.wait({CHILD_S}))
        child = os.fork()
        if child == 0:
            signal.alarm({CHILD_S})
            use()
            os._exit(7)
        print(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
        thread.join()
    """
    assert run(script) == "True\n7\n"


def test_streaming_imports_nothing_once_there_is_a_client() -> None:
    """Not even Python's codec of host names, which a lookup imports."""
    with PaperExchange(rate=0.001) as exchange:
        script = f"""
            import sys
            from bfxsync import Client

            with Client(wss_host="{exchange.url}") as bfx:
                before = set(sys.modules)
                bfx.wss.subscribe_ticker("tBTCUSD", lambda update: None)
                bfx.wss.subscribe_trades("tBTCUSD")
                bfx.wss.subscribe_book("tBTCUSD").book.asks(1)
                bfx.wss.subscribe_candles("tBTCUSD", "1m")
                bfx.wss.ping()
                print(sorted(set(sys.modules) - before))
        """
        assert run(script) == "[]\n"


def test_account_imports_nothing_once_it_is_there() -> None:
    script = """
        import sys
        from bfxsync import Backoff, BfxError
        from bfxsync.paper import PaperExchange

        with PaperExchange(rate=0.001) as exchange, exchange.client(
            backoff=Backoff(first_s=0.05), absence_s=0.1
        ) as bfx:
            bfx.wss.account, bfx.wss.inputs
            before = set(sys.modules)
            terms = ("EXCHANGE LIMIT", "tBTCUSD", "0.01", "100")
            bfx.wss.account.wait_ready()
            reply = bfx.wss.inputs.submit_order(*terms)
            reply.result()
            exchange.inject("cut_before_input")
            lost = bfx.wss.inputs.submit_order(*terms)
            print(type(lost.exception(20.0)).__name__)
            reply.cancel_order().result()
            print(reply.wait_done(5).status.word)
            print(sorted(set(sys.modules) - before))
    """
    assert run(script) == "OrderNotPlaced\nCANCELED\n[]\n"


def test_calls_import_nothing_once_the_rest_side_is_there() -> None:
    """Else a fork could come in between, where nothing of ours would wait."""
    script = """
        import sys
        from bfxsync import BfxError, Client
        from bfxsync.paper import PaperExchange

        with PaperExchange(rate=0.001) as exchange, Client(
            "paper-key", "paper-secret", rest_host=exchange.rest_url
        ) as bfx:
            rest = bfx.rest
            rest.auth, rest.merchant, bfx.symbols
            before = set(sys.modules)
            rest.public.get_t_ticker("tBTCUSD")
            list(rest.public.iter_trades("tBTCUSD", end=1))
            rest.auth.get_wallets()
            rest.auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0.1", "50000")
            bfx.symbols.check("tBTCUSD")
            exchange.inject("lost_answer", path="auth/w/order/submit")
            for call in (
                lambda: rest.public.get_t_ticker("tNOPE"),
                lambda: rest.auth.submit_order(
                    "EXCHANGE LIMIT", "tBTCUSD", "0.1", "50000"
                ),
            ):
                try:
                    call()
                except BfxError:
                    pass
            ours = ("bfxsync.rest", "bfxsync.models", "requests", "urllib3", "email")
            print([name for name in set(sys.modules) - before if name.startswith(ours)])
            print("encodings.idna" in before)
    """
    assert run(script) == "[]\nTrue\n"
