"""Operations on orders as other clients pass them: bodies of the exchange's messages."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence, Tuple

from bfxsync import Client, UsageError
from bfxsync._base.logs import get_logger
from bfxsync._base.plain import plain_integer, plain_items, plain_text
from bfxsync.checks.calculations import check_calculation
from bfxsync.compat.utils import cid_to_date, order_symbol

_log = get_logger(__name__)

Arguments = Dict[str, Any]

_CID_BITS = 45
_INTEGERS = ("id", "gid", "cid", "cid_oco", "lev")


def send_operations(client: Client, operations: Sequence[object]) -> List[Any]:
    """
    Send operations together, or none of them; return the client id in each, or None.

    A failure is reported by the notification of the exchange, and logged.
    """
    pairs = [_pair_of(operation) for operation in operations]
    possible = [pair for pair in pairs if _can_exist(*pair)]
    if possible or not pairs:
        client.wss.inputs.submit_order_multi(possible)
    return [arguments.get("cid") for _, arguments in pairs]


def request_calculations(client: Client, names: Sequence[object]) -> None:
    """Request values by name; a list counts as its names."""
    known: List[str] = []
    for item in names:
        for name in (
            [item] if plain_text(item) is not None else plain_items(item) or [item]
        ):
            try:
                known.append(check_calculation("calculations", name))
            except UsageError as exc:
                if plain_text(name) is None:
                    raise
                # The exchange would not answer either.
                _log.warning("not requested: %s", exc)
    if known:
        client.wss.inputs.calc(*known)


def _pair_of(operation: object) -> Tuple[str, Arguments]:
    """Return an operation as `submit_order_multi` takes it."""
    if isinstance(operation, Mapping):
        # Without its code, as an example of the documentation of WssClient has it.
        operation = ("oc", operation)
    pair = plain_items(operation)
    if pair is None or len(pair) != 2 or not isinstance(pair[1], Mapping):
        raise UsageError(
            f"an operation must be a pair of a code and a dict, not {operation!r}"
        )
    code, arguments = pair[0], dict(pair[1])
    for name in _INTEGERS:
        if name in arguments and code != "oc_multi":
            arguments[name] = integer_of(arguments[name])
    if code == "on":
        _adapt_new(arguments)
    elif code == "ou":
        arguments["round_price"] = True
    elif code == "oc" and arguments.get("cid") is not None:
        if arguments.get("cid_date") is None:
            arguments["cid_date"] = cid_to_date(arguments["cid"])
    elif code == "oc_multi":
        arguments = {
            key: bool(v) if key == "all" else v for key, v in arguments.items()
        }
    return code, arguments


def _can_exist(code: str, arguments: Arguments) -> bool:
    """Return false for a cancellation by a client id that no order can have."""
    cid = plain_integer(arguments.get("cid"))
    if code != "oc" or cid is None or cid.bit_length() <= _CID_BITS:
        return True
    # An example of the documentation of WssClient has such an id.
    _log.warning(
        "not sent: no order has the cid %s, of more than %s bits", cid, _CID_BITS
    )
    return False


def _adapt_new(arguments: Arguments) -> None:
    arguments["round_price"] = True
    if isinstance(arguments.get("symbol"), str):
        arguments["symbol"] = order_symbol(arguments["symbol"])
    hidden = arguments.get("hidden")
    if plain_integer(hidden) in (0, 1):
        # It was a number on the wire.
        arguments["hidden"] = bool(hidden)
    if not arguments.get("hidden"):
        # Else a contradiction to a flag HIDDEN.
        arguments.pop("hidden", None)
    if str(arguments.get("type")).endswith("MARKET"):
        arguments.pop("price", None)


def integer_of(value: Any) -> Any:
    """Return digits as a number; other values are left for the checks of the client."""
    text = plain_text(value)
    return (
        int(text) if text is not None and text.isdecimal() and len(text) < 19 else value
    )
