"""
Read-only views of the state of an account.

Strategy: the I/O thread changes or replaces each dict by one operation per message, so a copy is
the state after a whole message. Views copy before they iterate; no reader holds a lock.
"""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    ItemsView,
    Iterator,
    KeysView,
    List,
    Mapping,
    Tuple,
    TypeVar,
    ValuesView,
)

from bfxsync._base.aliases import NumberType
from bfxsync._base.describe import also_half_made
from bfxsync._base.html import html_of
from bfxsync.checks.ids import WSS_GIDS, check_cid, check_gid
from bfxsync.dataframes import TableSource, Tabular
from bfxsync.errors import UsageError
from bfxsync.models.margin import BaseMarginInfo, SymbolMarginInfo
from bfxsync.models.orders import Order
from bfxsync.wire.account_state import AccountState, Table

if TYPE_CHECKING:
    from typing_extensions import Protocol

    class Owner(Protocol):
        """The account that a view belongs to."""

        @property
        def state(self) -> AccountState: ...

        @property
        def is_stale(self) -> bool: ...

        @property
        def numbers(self) -> NumberType: ...

        def why_unknown(self, table: Table[Any, Any]) -> str: ...


K = TypeVar("K")
V = TypeVar("V")


class StateView(Mapping[K, V], Tabular):
    """
    A part of the state of an account, as a mapping; may be read from any thread.

    Each read sees the state after a whole message. ``values()``, ``items()`` and iterations are
    of a copy, which later messages do not change. ``df()`` is a DataFrame of the values.
    """

    _repr_html_ = html_of

    def __init__(
        self, name: str, read: Callable[[], Dict[K, V]], account: Owner, model: Any
    ) -> None:
        self._name = name
        self._read = read
        self._account = account
        self._model = model

    @also_half_made
    def __repr__(self) -> str:
        try:
            return f"<{self._name} of an account: {len(self)}>"
        except UsageError:
            return f"<{self._name} of an account: not known yet>"

    def __getitem__(self, key: K) -> V:
        return self._read()[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self.copy())

    def __len__(self) -> int:
        return len(self._read())

    def copy(self) -> Dict[K, V]:
        """Return a dict with the current state."""
        return self._read().copy()

    def keys(self) -> KeysView[K]:
        """Return the keys of a copy."""
        return self.copy().keys()

    def values(self) -> ValuesView[V]:
        """Return the values of a copy."""
        return self.copy().values()

    def items(self) -> ItemsView[K, V]:
        """Return the items of a copy."""
        return self.copy().items()

    def _table_source(self) -> TableSource:
        return TableSource(self._model, self.values(), self._account.numbers)


class TableView(StateView[K, V]):
    """
    All open objects of one kind.

    Reading raises `UsageError` before the first snapshot, as nothing is known then; see
    `Account.wait_ready`. After a disconnect it is the last known state until the next snapshot, see
    `is_stale`.
    """

    def __init__(
        self, account: Owner, table: Callable[[], Table[K, V]], model: Any
    ) -> None:
        self._table = table
        super().__init__(table().name, self._items, account, model)

    @property
    def is_ready(self) -> bool:
        """Whether there has been a snapshot, so that it can be read."""
        return self._table().has_snapshot

    @property
    def is_stale(self) -> bool:
        """Whether it may be outdated: no snapshot on this connection, or `Account.is_stale`."""
        return not self._table().is_current or self._account.is_stale

    @property
    def is_complete(self) -> bool:
        """
        Whether everything is known.

        False without a snapshot on this connection, or if a row could not be read: then the absence
        of an object proves nothing.
        """
        return self._table().is_complete

    @property
    def unreadable(self) -> List[Tuple[Any, str]]:
        """The rows that could not be read, and why; ``on_error`` has got the errors, too."""
        return list(self._table().unreadable.copy().values())

    def _items(self) -> Dict[K, V]:
        table = self._table()
        if not table.has_snapshot:
            raise UsageError(self._account.why_unknown(table))
        return table.items


class OrdersView(TableView[int, Order]):
    """All open orders by id: ``account.orders[id]``."""

    def by_cid(self, cid: int) -> Order | None:
        """Return the order with a client id, the latest if there are several; None without any."""
        checked = check_cid("cid", cid)
        found = [order for order in self.values() if order.cid == checked]
        return max(found, key=_created, default=None)

    def by_gid(self, gid: int) -> List[Order]:
        """Return the orders of a group, from the oldest."""
        checked = check_gid("gid", gid, WSS_GIDS)
        return sorted(
            (order for order in self.values() if order.gid == checked), key=_created
        )


class MarginView(StateView[str, SymbolMarginInfo]):
    """
    Calculated margin by symbol, as far as it was sent: ``account.margin["tBTCUSD"]``, and `base`.

    Empty until it is requested by `Account.refresh`, and after every disconnect.
    """

    def __init__(self, account: Owner) -> None:
        super().__init__(
            "margin", lambda: account.state.margin, account, SymbolMarginInfo
        )

    @property
    def base(self) -> BaseMarginInfo | None:
        """The margin of all pairs together; None where not known."""
        return self._account.state.margin_base


def _created(order: Order) -> Tuple[int, int]:
    return order.mts_create, order.id
