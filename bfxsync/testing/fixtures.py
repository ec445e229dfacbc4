"""What the fixtures of the pytest plugin do, apart from pytest."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from bfxsync.client import Client
from bfxsync.errors import UsageError
from bfxsync.paper import PaperExchange
from bfxsync.testing.replayer import Replayer
from bfxsync.testing.watch import Watch
from bfxsync.ws.io.backoff import Backoff

CALLBACK_ERRORS, LEFTOVERS = "callback_errors", "leftovers"
ALLOWED = (CALLBACK_ERRORS, LEFTOVERS)

# Markets practically stand still, so that each run sees the same prices, or only move in steps.
_QUIET: Mapping[str, Any] = {"rate": 0.001}
_FROZEN: Mapping[str, Any] = {"paused": True}


class Fixtures:
    """
    Exchanges and clients of one test, and the checks at its end.

    Parameters
    ----------
    seed : int
        Of the exchanges, unless their options have one.
    allowed : sequence of str
        Problems of `ALLOWED` that are not reported.

    Raises
    ------
    UsageError
        Unknown name in `allowed`.
    """

    def __init__(self, seed: int, allowed: Sequence[str] = ()) -> None:
        for name in allowed:
            if name not in ALLOWED:
                raise UsageError(
                    f"bfx_allow must be of {', '.join(ALLOWED)}, not {name!r}"
                )
        self._seed = seed
        self._allowed = allowed
        self._watch = Watch()

    @contextmanager
    def exchange(
        self, options: Mapping[str, Any], *, is_frozen: bool = False
    ) -> Iterator[PaperExchange]:
        """Run an exchange with options of `PaperExchange`."""
        defaults = {"seed": self._seed, **(_FROZEN if is_frozen else _QUIET)}
        with PaperExchange(**{**defaults, **options}) as exchange:
            try:
                yield exchange
            finally:
                self._watch.exchange_ends(exchange.port)

    @contextmanager
    def replayer(
        self, exchange_options: Mapping[str, Any], client_options: Mapping[str, Any]
    ) -> Iterator[Replayer]:
        """Play recordings on exchanges with these options, to clients with those."""
        with ExitStack() as stack:

            def run(options: Mapping[str, Any]) -> PaperExchange:
                return stack.enter_context(
                    self.exchange({**exchange_options, **options})
                )

            def connect(exchange: PaperExchange) -> Client:
                return stack.enter_context(client_of(exchange, client_options))

            yield Replayer(run, connect)

    def callback_errors(self) -> List[str]:
        """Return the exceptions of callbacks so far, unless they are allowed."""
        if CALLBACK_ERRORS in self._allowed:
            return []
        return self._watch.callback_errors()

    def end(self) -> List[str]:
        """Close what the test has left open, and return the problems that are not allowed."""
        left = [f"the test left open: {each}" for each in self._watch.left()]
        problems = [] if LEFTOVERS in self._allowed else left
        problems += self.callback_errors()
        self._watch.stop()
        return problems


def client_of(exchange: PaperExchange, options: Mapping[str, Any]) -> Client:
    """Return a client of an exchange that neither waits nor reconnects for long."""
    quick: Dict[str, Any] = {"absence_s": 0.2, "backoff": Backoff(first_s=0.05)}
    return exchange.client(**{**quick, **options})
