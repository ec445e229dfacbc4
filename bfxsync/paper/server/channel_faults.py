"""The faults of the account channel: lost, late and repeated frames, and cut connections."""

from __future__ import annotations

from typing import Any, Dict

from bfxsync.paper.engine.units import Row
from bfxsync.paper.faults import Fault, Faults

Facts = Dict[str, Any]

# Index of the symbol, and of the client order id, in the row of an event.
_SYMBOL_AT = {
    **dict.fromkeys(("on", "ou", "oc"), 3),
    **dict.fromkeys(("pn", "pu", "pc"), 0),
    **dict.fromkeys(("te", "tu", "fon", "fou", "foc", "fte", "ftu"), 1),
}
_CID_AT = {**dict.fromkeys(("on", "ou", "oc"), 2), "te": 11, "tu": 11}


class ChannelFaults:
    """
    The faults of the account channel of one socket.

    Parameters
    ----------
    account : str
        The ``api_key`` of the account.
    """

    def __init__(self, faults: Faults, account: str) -> None:
        self._faults = faults
        self._account = account

    def fire(self, name: str, facts: Facts | None) -> Fault | None:
        """Use a fault that matches the fields of an operation; None without a matching one."""
        return None if facts is None else self._faults.fire(name, **facts)

    def copies(self, code: str, row: Row) -> int:
        """Return how many times an event is sent."""
        if not self._faults.armed:
            return 1
        facts = self._facts(code, row)
        if self._faults.fire("lost_event", **facts):
            return 0
        return 2 if self._faults.fire("duplicate_event", **facts) else 1

    def cuts_after(self, code: str, row: Row) -> bool:
        """Return whether the socket is cut after an event that was sent."""
        if code != "on" or not self._faults.armed:
            return False
        return self._faults.fire("cut_after_on", **self._facts(code, row)) is not None

    def _facts(self, code: str, row: Row) -> Facts:
        facts: Facts = {"account": self._account, "event": code}
        for name, positions in (("symbol", _SYMBOL_AT), ("cid", _CID_AT)):
            if code in positions:
                facts[name] = row[positions[code]]
        return facts
