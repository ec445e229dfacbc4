"""
Orders and funding offers over the WebSocket: ``bfx.wss.inputs``.

Strategy: the methods have the parameters of ``bfx.rest.auth``, whose documentation applies, and the
same checks and bodies (`wire.inputs`). They queue the operation for sending, and return a reply
whose result comes later; everything that can be refused here raises at the caller's line.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Callable, List, Mapping, Sequence, Tuple, Union

from bfxsync._base.aliases import AnyNumber, Symbol
from bfxsync._base.cells import in_cell
from bfxsync._base.describe import also_half_made
from bfxsync._base.enums import OrderFlag, OrderType
from bfxsync.checks.callbacks import check_callback
from bfxsync.checks.ids import check_id
from bfxsync.models.funding import AnyFundingOffer
from bfxsync.models.orders import AnyOrder
from bfxsync.outcome.find_offers import offer_fingerprint
from bfxsync.wire.inputs import Body, OrderInputs, offer_body
from bfxsync.ws.drafts import Draft, request_of, without_callbacks
from bfxsync.ws.messages import Messages
from bfxsync.ws.operation_sender import Delay
from bfxsync.ws.order_replies import OrderReply
from bfxsync.ws.replies import Reply

if TYPE_CHECKING:
    from bfxsync.models.account_trades import AccountTrade

Date = Union[str, date, datetime]
"""A day in UTC: ``"2026-01-31"``, a date, or a datetime with a time zone."""

Operation = Tuple[str, Mapping[str, Any]]
"""``"on"``, ``"ou"``, ``"oc"`` or ``"oc_multi"``, and the arguments of the method for it."""


class Inputs(Messages):
    """
    Orders, funding offers and messages of the account, by its WebSocket connection.

    The first input opens and authenticates the connection, within the timeout of the client. Later
    ones return at once. Nothing is sent twice, and the orders of a thread are sent in their order;
    a second update of an order waits for the response to the first, and holds up no other order.

    Each method returns a `Reply`, whose ``result(timeout)`` waits for the outcome. They raise

    - `UsageError` for invalid arguments, or without a key; `OrderBlocked` for an order guard,
    - `AuthError` if the key was refused, or lacks the permission,
    - `NotExecuted` (`OrderNotPlaced` for a new order) with ``proof="never_sent"`` if the connection
      is down: an order that is sent late is worse than none,
    - `ClosedError` after the end of the client;

    then nothing was sent.

    Further parameters of the methods:

    queue_for_s : float, optional
        Without connection hold the input for up to this many seconds and send it as soon as
        possible, instead of raising. What cannot be sent in time is dropped unsent
        (`OrderNotPlaced`, ``proof="never_sent"``).
    buffer_s : float, optional
        Hold the input for up to this many seconds and send it together with those that follow
        (``ox_multi``, at most 75). An input without `buffer_s` sends those that wait, ahead of
        itself.

    https://docs.bitfinex.com/reference/ws-auth-input
    """

    @also_half_made
    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {len(self._port.replies)} open>"

    # --- orders -------------------------------------------------------------------------------

    def submit_order(
        self,
        type: OrderType | str,
        symbol: Symbol,
        amount: AnyNumber,
        price: AnyNumber | None = None,
        *,
        lev: int | None = None,
        price_trailing: AnyNumber | None = None,
        price_aux_limit: AnyNumber | None = None,
        price_oco_stop: AnyNumber | None = None,
        gid: int | None = None,
        cid: int | None = None,
        cid_oco: int | None = None,
        flags: OrderFlag | int | None = None,
        hidden: bool | None = None,
        post_only: bool | None = None,
        reduce_only: bool | None = None,
        close: bool | None = None,
        tif: datetime | str | None = None,
        meta: Mapping[str, Any] | None = None,
        make_visible: bool | None = None,
        protect_selfmatch: bool | None = None,
        round_price: bool = False,
        on_fill: Callable[[AccountTrade], object] | None = None,
        on_done: Callable[[OrderReply], object] | None = None,
        queue_for_s: float | None = None,
        buffer_s: float | None = None,
    ) -> OrderReply:
        """
        Submit an order, at most once; parameters as for ``rest.auth.submit_order``.

        https://docs.bitfinex.com/reference/ws-auth-input-order-new

        Parameters
        ----------
        gid : int, optional
            Group id, below 2**32 on the WebSocket.
        cid : int, optional
            Client order id; random by default. One that this client has used on the same UTC day is
            refused.
        cid_oco : int, optional
            Client id of the stop of an OCO order.
        on_fill : callable, optional
            Called with every trade of the order, once, on the dispatch thread; without its fee,
            which comes later.
        on_done : callable, optional
            Called once with the `OrderReply`, when the order is closed or was not placed.
        queue_for_s, buffer_s
            See `Inputs`.

        Returns
        -------
        OrderReply
            `OrderReply.result` returns the order once the exchange lists it, open or closed, or
            raises what became of it.
        """
        body = self._bodies.submit(
            type,
            symbol,
            amount,
            price,
            lev=lev,
            price_trailing=price_trailing,
            price_aux_limit=price_aux_limit,
            price_oco_stop=price_oco_stop,
            gid=gid,
            cid=cid,
            cid_oco=cid_oco,
            flags=flags,
            hidden=hidden,
            post_only=post_only,
            reduce_only=reduce_only,
            close=close,
            tif=tif,
            meta=meta,
            make_visible=make_visible,
            protect_selfmatch=protect_selfmatch,
            round_price=round_price,
        )
        draft, reply = self._new_order(body, cid is None, on_fill, on_done)
        self._sender.send([draft], Delay.of(queue_for_s, buffer_s))
        return reply

    def update_order(
        self,
        id: int,
        *,
        amount: AnyNumber | None = None,
        price: AnyNumber | None = None,
        cid: int | None = None,
        cid_date: Date | None = None,
        gid: int | None = None,
        flags: OrderFlag | int | None = None,
        hidden: bool | None = None,
        post_only: bool | None = None,
        reduce_only: bool | None = None,
        close: bool | None = None,
        lev: int | None = None,
        delta: AnyNumber | None = None,
        price_aux_limit: AnyNumber | None = None,
        price_trailing: AnyNumber | None = None,
        tif: datetime | str | None = None,
        meta: Mapping[str, Any] | None = None,
        make_visible: bool | None = None,
        protect_selfmatch: bool | None = None,
        round_price: bool = False,
        queue_for_s: float | None = None,
        buffer_s: float | None = None,
    ) -> Reply[AnyOrder]:
        """
        Change an open order; parameters as for ``rest.auth.update_order`` and `Inputs`.

        https://docs.bitfinex.com/reference/ws-auth-input-order-update

        Returns
        -------
        Reply of Order
            The order after the change. `OrderRejected` if the exchange refuses it.
        """
        body = self._bodies.update(
            id,
            amount=amount,
            price=price,
            cid=cid,
            cid_date=cid_date,
            gid=gid,
            flags=flags,
            hidden=hidden,
            post_only=post_only,
            reduce_only=reduce_only,
            close=close,
            lev=lev,
            delta=delta,
            price_aux_limit=price_aux_limit,
            price_trailing=price_trailing,
            tif=tif,
            meta=meta,
            make_visible=make_visible,
            protect_selfmatch=protect_selfmatch,
            round_price=round_price,
        )
        return self._send("ou", body, queue_for_s, buffer_s)

    def cancel_order(
        self,
        *,
        id: int | None = None,
        cid: int | None = None,
        cid_date: Date | None = None,
        queue_for_s: float | None = None,
        buffer_s: float | None = None,
    ) -> Reply[AnyOrder]:
        """
        Cancel an order; parameters as for ``rest.auth.cancel_order`` and `Inputs`.

        https://docs.bitfinex.com/reference/ws-auth-input-order-cancel

        Returns
        -------
        Reply of Order
            The closed order: executed if it was filled before it could be cancelled.
        """
        body = self._bodies.cancel(id, cid=cid, cid_date=cid_date)
        return self._send("oc", body, queue_for_s, buffer_s)

    def cancel_order_multi(
        self,
        *,
        id: Sequence[int] | None = None,
        cid: Sequence[int | tuple[int, Date]] | None = None,
        gid: Sequence[int] | None = None,
        all: bool | None = None,
        queue_for_s: float | None = None,
        buffer_s: float | None = None,
    ) -> Reply[List[AnyOrder]]:
        """
        Cancel several orders; parameters as for ``rest.auth.cancel_order_multi`` and `Inputs`.

        https://docs.bitfinex.com/reference/ws-auth-input-order-cancel-multi

        Returns
        -------
        Reply of list of Order
            The orders that the exchange cancels.
        """
        body = self._bodies.cancel_multi(id=id, cid=cid, gid=gid, all=all)
        return self._send("oc_multi", body, queue_for_s, buffer_s)

    def submit_order_multi(
        self, ops: Sequence[Operation], *, queue_for_s: float | None = None
    ) -> List[Reply[Any]]:
        """
        Submit, change and cancel several orders together, each at most once.

        https://docs.bitfinex.com/reference/ws-auth-input-order-multi-op

        Parameters
        ----------
        ops : list of (str, dict)
            ``"on"``, ``"ou"``, ``"oc"`` or ``"oc_multi"``, and the arguments of the method by name,
            for ``"on"`` including `on_fill` and `on_done`. More than 75 are sent in several
            messages, one after the other.
        queue_for_s
            See `Inputs`.

        Returns
        -------
        list of Reply
            One per operation, in the same order; an `OrderReply` for ``"on"``. If an argument or a
            guard refuses one of them, this method raises, and none is sent.
        """
        delay = Delay.of(queue_for_s)
        plain, callbacks = without_callbacks(ops)
        drafts: List[Draft] = []
        checked = self._bodies.checked_operations(plain)
        for (name, body, is_random), functions in zip(checked, callbacks):
            if name == "on":
                drafts.append(self._new_order(body, is_random, *functions)[0])
            else:
                drafts.append(self._draft(name, body))
        self._sender.send(drafts, delay)
        return [draft.reply for draft in drafts]

    # --- funding ------------------------------------------------------------------------------

    def submit_funding_offer(
        self,
        type: str,
        symbol: Symbol,
        amount: AnyNumber,
        rate: AnyNumber,
        period: int,
        *,
        flags: OrderFlag | int | None = None,
        hidden: bool | None = None,
        queue_for_s: float | None = None,
    ) -> Reply[AnyFundingOffer]:
        """
        Offer to lend, or bid to borrow; as ``rest.auth.submit_funding_offer``, and see `Inputs`.

        https://docs.bitfinex.com/reference/ws-auth-input-offer-new

        Returns
        -------
        Reply of FundingOffer
            The offer, open or closed.
        """
        body = offer_body(type, symbol, amount, rate, period, flags, hidden)
        draft = self._draft("fon", body)
        draft.fingerprint = offer_fingerprint(body)
        self._sender.send([draft], Delay.of(queue_for_s))
        return draft.reply

    def cancel_funding_offer(
        self, id: int, *, queue_for_s: float | None = None
    ) -> Reply[AnyFundingOffer]:
        """
        Cancel an offer; see ``rest.auth.cancel_funding_offer``, and `Inputs`.

        https://docs.bitfinex.com/reference/ws-auth-input-offer-cancel
        """
        return self._send("foc", {"id": check_id("id", id)}, queue_for_s)

    # ------------------------------------------------------------------------------------------

    @property
    def _bodies(self) -> OrderInputs:
        return self._port.services.inputs

    def _new_order(
        self, body: Body, is_random: bool, on_fill: Any = None, on_done: Any = None
    ) -> Tuple[Draft, OrderReply]:
        on_fill = in_cell(check_callback("on_fill", on_fill, "trade"))
        on_done = in_cell(check_callback("on_done", on_done, "reply"))
        date = self._port.services.creation_dates()[0]
        request = request_of("on", body, date)
        numbers = self._port.services.numbers
        reply = OrderReply(self._port, request, self, on_fill, on_done, numbers)
        return Draft("on", request.known, reply, is_random), reply

    def _send(
        self, name: str, body: Body, queue_for_s: object, buffer_s: object = None
    ) -> Reply[Any]:
        draft = self._draft(name, body)
        self._sender.send([draft], Delay.of(queue_for_s, buffer_s))
        return draft.reply

    def _draft(self, name: str, body: Body) -> Draft:
        request = request_of(name, body)
        return Draft(name, request.known, Reply(self._port, request))
