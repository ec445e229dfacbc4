"""Faults of a test, each of which has to happen."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, List, Tuple

from bfxsync.checks.options import check_bool
from bfxsync.errors import UsageError
from bfxsync.paper import InjectedFault, PaperExchange


class FaultInjector:
    """
    Injects faults into the exchange of a test; the type of the fixture ``bfx_fault``.

    Parameters
    ----------
    exchange : PaperExchange
        A running exchange.
    """

    def __init__(self, exchange: PaperExchange) -> None:
        self._exchange = exchange
        self._wanted: List[Tuple[InjectedFault, bool]] = []

    def __call__(
        self, fault: str, *, optional: bool = False, **options: Any
    ) -> InjectedFault:
        """
        Arm a fault until the end of the test, with the options of `PaperExchange.inject`.

        Parameters
        ----------
        fault : str
            Such as ``"lost_answer"``; ``docs/howto/testing.rst`` describes each.
        optional : bool
            Whether the test may end without the fault; by default it fails then. A fault with a
            `chance` below 1 is always optional.

        Returns
        -------
        InjectedFault
            Counts how often this fault has happened.

        Raises
        ------
        UsageError
            Unknown fault, option or market, or invalid value.
        """
        check_bool("optional", optional)
        injected = self._exchange.inject(fault, **options)
        self._wanted.append((injected, optional or options.get("chance", 1) < 1))
        return injected

    def clear(self) -> None:
        """Disarm all faults, unless the exchange was stopped, which does so as well."""
        with suppress(UsageError):
            self._exchange.clear_faults()

    def unused(self) -> List[InjectedFault]:
        """Return the faults that have not happened and are not optional."""
        return [
            fault
            for fault, is_optional in self._wanted
            if not (is_optional or fault.count)
        ]
