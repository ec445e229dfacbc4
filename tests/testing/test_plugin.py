"""What the plugin reports, in runs of pytest of its own."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from bfxsync.paper import PaperExchange
from bfxsync.testing import FrozenMarket

pytest_plugins = ["pytester", "pytest_bfxsync"]

OPTIONS = ("-p", "pytest_bfxsync", "-p", "no:cacheprovider", "-q")


@pytest.fixture(scope="module", autouse=True)
def everything_is_imported() -> None:
    """Each run in this process forgets what it was the first to import, and then has it twice."""
    with PaperExchange() as exchange, exchange.client() as bfx:
        bfx.wss.subscribe_ticker("tBTCUSD")
        bfx.rest.public.get_platform_status()
        bfx.wss.account.wait_ready(20)
    assert FrozenMarket


@pytest.fixture(autouse=True)
def few_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Load no other plugins of this environment, which only take time, and no bytecode."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    # Of a module that is written twice within a second, Python would read the first bytecode.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)


@pytest.fixture
def run(pytester: pytest.Pytester) -> Any:
    """Run tests in this process."""

    def run(text: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(test_inner=text)
        return pytester.runpytest_inprocess(*OPTIONS, *options)

    return run


@pytest.mark.once
def test_nothing_of_bfxsync_is_imported_without_a_fixture(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile("def test_nothing(): pass")
    pytester.makeconftest(
        "import sys\n"
        "def pytest_unconfigure(config):\n"
        "    assert config.getini('bfx_seed') == '1'\n"
        "    found = [m for m in sys.modules if m.partition('.')[0] == 'bfxsync']\n"
        "    print('imported:', found)\n"
    )
    result = pytester.runpytest_subprocess(*OPTIONS, "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["imported: [[][]]"])


LEFT = """
    import pytest
    from bfxsync.paper import PaperExchange

    kept = []

    def test_stream(bfx_exchange):
        kept.append(bfx_exchange.client())
        kept[-1].wss.subscribe_ticker("tBTCUSD")

    def test_rest(bfx_exchange):
        kept.append(bfx_exchange.client())
        kept[-1].rest.public.get_platform_status()

    def test_dropped(bfx_exchange):
        bfx_exchange.client().rest.public.get_platform_status()

    def test_socket(bfx_exchange):
        import socket
        kept.append(socket.create_connection(("127.0.0.1", bfx_exchange.port)))

    def test_exchange(bfx_exchange):
        with PaperExchange() as other:
            kept.append(other.client())
            kept[-1].wss.subscribe_ticker("tBTCUSD")

    @pytest.mark.bfx_allow("leftovers")
    def test_allowed(bfx_exchange):
        kept.append(bfx_exchange.client())
        kept[-1].wss.subscribe_ticker("tBTCUSD")

    def test_closed(bfx_exchange):
        with bfx_exchange.client() as bfx:
            bfx.wss.subscribe_ticker("tBTCUSD")

    def test_failed(bfx_exchange):
        kept.append(bfx_exchange.client())
        kept[-1].wss.subscribe_ticker("tBTCUSD")
        assert False, "only this"

    def test_next(bfx_client):
        bfx_client.wss.subscribe_ticker("tBTCUSD")

    def test_end():
        import socket
        for each in kept:
            if isinstance(each, socket.socket):
                each.close()
"""


def test_what_a_test_leaves_open_fails_it_alone(run: Any) -> None:
    result = run(LEFT)
    result.assert_outcomes(passed=9, failed=1, errors=5)
    left = "the test left open: "
    made = f"{left}the client made at test_inner.py"
    result.stdout.fnmatch_lines(
        [
            "*ERROR at teardown of test_stream*",
            f"{made}:7 (open, subscribed to ticker tBTCUSD); call its close()",
            "*ERROR at teardown of test_rest*",
            f"{made}:11 (new); call its close()",
            "*ERROR at teardown of test_dropped*",
            f"{made}:15 (dropped); call its close()",
            "*ERROR at teardown of test_socket*",
            f"{left}a connection to the exchange, not of a bfxsync client",
            "*ERROR at teardown of test_exchange*",
            f"{made}:23 (*, subscribed to ticker tBTCUSD); call its close()",
            "*only this*",
        ]
    )


def test_clients_of_a_module_are_not_looked_at(run: Any) -> None:
    run("""
        import pytest
        from bfxsync.paper import PaperExchange

        @pytest.fixture(scope="module")
        def older():
            with PaperExchange() as exchange, exchange.client() as bfx:
                yield bfx

        def test_first_use(older, bfx_client):
            older.wss.subscribe_ticker("tBTCUSD", lambda ticker: None)

        def test_second_use(older, bfx_client):
            older.wss.account.wait_ready(20)
        """).assert_outcomes(passed=2)


RAISING = """
    import pytest

    def fail(trade):
        assert trade.id == "impossible"

    @pytest.mark.parametrize("name", ["one"])
    def test_raised(bfx_client, bfx_frozen_market, name):
        bfx_client.wss.subscribe_trades("tBTCUSD", fail)
        for _ in range(30):  # as if until the callback has done its work
            bfx_frozen_market.step(1)

    def test_raised_at_the_end(bfx_client, bfx_exchange):
        bfx_client.wss.subscribe_ticker("tBTCUSD", lambda ticker: 1 / 0)
        bfx_client.wss.ping()

    @pytest.mark.bfx_allow("callback_errors")
    def test_allowed(bfx_client, bfx_frozen_market):
        bfx_client.wss.subscribe_trades("tBTCUSD", fail)
        bfx_frozen_market.step(60)

    def test_handler(bfx_exchange):
        with bfx_exchange.client() as bfx:
            bfx.wss.on("open", lambda: 1 / 0)
            bfx.wss.subscribe_ticker("tBTCUSD")
"""


def test_exceptions_of_callbacks_fail_a_test(run: Any) -> None:
    result = run(RAISING)
    result.assert_outcomes(passed=3, errors=2, failed=1)
    raised = "a callback of the client made"
    result.stdout.fnmatch_lines(
        [
            f"{raised} by a bfx_ fixture raised an exception:",
            "ZeroDivisionError: division by zero",
            f"{raised} at test_inner.py:22 raised an exception:",
            "ZeroDivisionError: division by zero",
            # At once, and not at the end.
            f"{raised} by a bfx_ fixture raised *exception*:",
            "*test_inner.py*in fail",
            "AssertionError: assert * == 'impossible'",
        ]
    )


@pytest.mark.once
def test_both_are_allowed_for_a_whole_project(
    run: Any, pytester: pytest.Pytester
) -> None:
    pytester.makeini("[pytest]\nbfx_allow = callback_errors leftovers\n")
    run(LEFT).assert_outcomes(passed=9, failed=1)
    run(RAISING).assert_outcomes(passed=4)


def test_a_fault_that_never_happened_fails_the_test(run: Any) -> None:
    result = run("""
        def test_unused(bfx_fault):
            bfx_fault("lost_answer", path="auth/w/order/submit")
            bfx_fault("sequence_hole", times=None)

        def test_failed(bfx_fault):
            bfx_fault("lost_answer")
            assert False, "only this"
        """)
    result.assert_outcomes(passed=1, failed=1, errors=1)
    never = "a fault never happened:"
    result.stdout.fnmatch_lines(
        [f"{never} lost_answer path='auth/w/order/submit'", f"{never} sequence_hole"]
    )


SEEDED = """
    import pytest

    @pytest.fixture
    def seed(bfx_exchange):
        return bfx_exchange._settings.seed

    def test_seed(seed):
        assert seed == {seed}

    @pytest.mark.bfx_exchange(seed=5)
    def test_seed_of_its_own(seed):
        assert seed == 5
"""


def test_the_seed_comes_from_ini_and_command_line(
    run: Any, pytester: pytest.Pytester
) -> None:
    run(SEEDED.format(seed=1)).assert_outcomes(passed=2)
    pytester.makeini("[pytest]\nbfx_seed = 8\n")
    run(SEEDED.format(seed=8)).assert_outcomes(passed=2)
    result = run(SEEDED.format(seed=-9), "--bfx-seed=-9", "-v")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["bfx_seed: -9"])


@pytest.mark.parametrize(
    "mark, text",
    [
        ("bfx_exchange(5)", "*marker bfx_exchange takes keyword arguments only, not 5"),
        (
            "bfx_allow(leftovers=True)",
            "*marker bfx_allow takes names only, not {'leftovers': True}",
        ),
        ("bfx_exchange(sed=5)", "*unexpected keyword argument 'sed'*"),
        ("bfx_exchange(rate=-1)", "*rate must be a positive number, not -1"),
        ("bfx_client(timeot=5)", "*unexpected keyword argument 'timeot'*timeout*"),
        (
            "bfx_allow('leftover')",
            "*bfx_allow must be of callback_errors, leftovers, not 'leftover'",
        ),
    ],
)
def test_impossible_options_are_refused(run: Any, mark: str, text: str) -> None:
    result = run(f"""
        import pytest

        @pytest.mark.{mark}
        def test_never(bfx_client):
            raise SystemExit
        """)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([text])


def test_an_impossible_seed_is_refused(run: Any, pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nbfx_seed = one\n")
    result = run("def test_never(bfx_exchange): raise SystemExit")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*bfx_seed must be an integer, not 'one'"])


@pytest.mark.once
def test_workers_of_xdist_have_exchanges_of_their_own(
    pytester: pytest.Pytester,
) -> None:
    pytester.makepyfile("""
        import pytest

        @pytest.mark.parametrize("number", range(2))
        def test_order(bfx_client, bfx_account, number):
            bfx_client.rest.auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.1")
            assert len(bfx_account.trades) == 1
        """)
    result = pytester.runpytest_subprocess(
        *OPTIONS, "--assert=plain", "-p", "xdist", "-n", "2"
    )
    result.assert_outcomes(passed=2)
