"""
A plugin of pytest: a local Bitfinex exchange for each test that uses one of these fixtures.

Its fixtures are documented in ``docs/howto/testing.rst``, their types are in `bfxsync.testing`.
pytest imports this module at each start, in all projects: nothing of bfxsync is imported before a
test uses a fixture.

PYTEST_DONT_REWRITE: there are no asserts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Iterator, Mapping, Sequence

import pytest

if TYPE_CHECKING:
    from bfxsync import Client
    from bfxsync.paper import AccountView, PaperExchange
    from bfxsync.testing import FaultInjector, FrozenMarket, Replayer
    from bfxsync.testing.fixtures import Fixtures

_MARKERS = (
    "bfx_exchange(**options): options of the exchange of this test, those of PaperExchange",
    "bfx_client(**options): options of the client of this test, those of Client",
    "bfx_allow(*names): of callback_errors and leftovers: what does not fail this test",
)
_SEED = "seed of the simulated markets of bfxsync's fixtures"

_has_failed = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("bfxsync")
    group.addoption("--bfx-seed", type=int, metavar="SEED", help=_SEED)
    parser.addini("bfx_seed", _SEED, default="1")
    parser.addini(
        "bfx_allow",
        "what does not fail tests: callback_errors, leftovers",
        type="args",
        default=[],
    )


def pytest_configure(config: pytest.Config) -> None:
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_report_header(config: pytest.Config) -> str | None:
    seed = config.getoption("--bfx-seed")
    return None if seed is None else f"bfx_seed: {seed}"


def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> None:
    if call.excinfo is not None:
        item.stash[_has_failed] = True


@pytest.fixture
def bfx_exchange_options() -> Mapping[str, Any]:
    """Options of ``bfx_exchange``, those of `PaperExchange`; to be overridden."""
    return {}


@pytest.fixture
def bfx_client_options() -> Mapping[str, Any]:
    """Options of ``bfx_client``, those of `Client`; to be overridden."""
    return {}


@pytest.fixture
def _bfx(request: pytest.FixtureRequest) -> Iterator[Fixtures]:
    from bfxsync.testing.fixtures import Fixtures

    config = request.config
    seed = config.getoption("--bfx-seed")
    if seed is None:
        text = config.getini("bfx_seed")
        try:
            seed = int(text)
        except ValueError:
            raise pytest.UsageError(
                f"bfx_seed must be an integer, not {text!r}"
            ) from None
    allowed = list(config.getini("bfx_allow"))
    for mark in request.node.iter_markers("bfx_allow"):
        if mark.kwargs:
            raise pytest.UsageError(
                f"the marker bfx_allow takes names only, not {mark.kwargs!r}"
            )
        allowed += mark.args
    # Of an earlier run of the same test, where a plugin repeats it.
    request.node.stash[_has_failed] = False
    fixtures = Fixtures(seed, allowed)
    yield fixtures
    _fail_for(request, fixtures.end())


@pytest.fixture
def bfx_exchange(
    request: pytest.FixtureRequest,
    bfx_exchange_options: Mapping[str, Any],
    _bfx: Fixtures,
) -> Iterator[PaperExchange]:
    """A running local exchange, with an account; its markets practically stand still."""
    options = _marked(request, "bfx_exchange", bfx_exchange_options)
    is_frozen = "bfx_frozen_market" in request.fixturenames
    with _bfx.exchange(options, is_frozen=is_frozen) as exchange:
        yield exchange


@pytest.fixture
def bfx_client(
    request: pytest.FixtureRequest,
    bfx_exchange: PaperExchange,
    bfx_client_options: Mapping[str, Any],
) -> Iterator[Client]:
    """A client of ``bfx_exchange``, with the key of its first account."""
    from bfxsync.testing.fixtures import client_of

    options = _marked(request, "bfx_client", bfx_client_options)
    with client_of(bfx_exchange, options) as client:
        yield client


@pytest.fixture
def bfx_account(bfx_exchange: PaperExchange) -> AccountView:
    """The first account of ``bfx_exchange``, as the exchange knows it."""
    return bfx_exchange.account


@pytest.fixture
def bfx_fault(
    request: pytest.FixtureRequest, bfx_exchange: PaperExchange
) -> Iterator[FaultInjector]:
    """``bfx_fault("lost_answer", path=…)``: a fault of ``bfx_exchange``, which has to happen."""
    from bfxsync.testing import FaultInjector

    injector = FaultInjector(bfx_exchange)
    yield injector
    injector.clear()
    unused = [f"a fault never happened: {fault.text}" for fault in injector.unused()]
    _fail_for(request, unused)


@pytest.fixture
def bfx_frozen_market(
    request: pytest.FixtureRequest, bfx_exchange: PaperExchange, _bfx: Fixtures
) -> FrozenMarket:
    """Stops the time of ``bfx_exchange``, which then moves only by ``step(seconds)``."""
    from bfxsync.testing import FrozenMarket

    market = FrozenMarket(bfx_exchange)
    # At once: a test that waits for what a callback does would never end.
    market._check = lambda: _fail_for(request, _bfx.callback_errors())
    return market


@pytest.fixture
def bfx_replay(
    request: pytest.FixtureRequest,
    bfx_exchange_options: Mapping[str, Any],
    bfx_client_options: Mapping[str, Any],
    _bfx: Fixtures,
) -> Iterator[Replayer]:
    """``bfx_replay(path)``: a client of an exchange that plays a recording."""
    exchange_options = _marked(request, "bfx_exchange", bfx_exchange_options)
    client_options = _marked(request, "bfx_client", bfx_client_options)
    with _bfx.replayer(exchange_options, client_options) as replayer:
        yield replayer


def _marked(
    request: pytest.FixtureRequest, name: str, options: Mapping[str, Any]
) -> Dict[str, Any]:
    """Return options with those of the markers of a test; the closest has precedence."""
    found = dict(options)
    for mark in reversed(list(request.node.iter_markers(name))):
        if mark.args:
            raise pytest.UsageError(
                f"the marker {name} takes keyword arguments only, not {mark.args[0]!r}"
            )
        found.update(mark.kwargs)
    return found


def _fail_for(request: pytest.FixtureRequest, problems: Sequence[str]) -> None:
    """Report problems of a test, unless it has failed: they may just follow from that."""
    if problems and not request.node.stash.get(_has_failed, False):
        pytest.fail("\n".join(problems), pytrace=False)
