"""Wallets, ledgers, transfers, deposits and withdrawals."""

from __future__ import annotations

from bfxsync.paper.engine.account import movement_row
from bfxsync.paper.engine.amounts import QUANTUM, read_positive
from bfxsync.paper.engine.errors import GENERIC
from bfxsync.paper.engine.order import legs
from bfxsync.paper.engine.units import SCALE, Row, to_units, units_text
from bfxsync.paper.engine.wallets import (
    WALLETS,
    WITHDRAWAL,
    WITHDRAWAL_FEE,
    EngineWallet,
)
from bfxsync.paper.server.rest.conf import FEES, NETWORKS
from bfxsync.paper.server.rest.private_orders import notification
from bfxsync.paper.server.rest.query import Refused, SignedCall

_OLD_NAMES = {"trading": "margin", "deposit": "funding"}
_CURRENCIES = {network.lower(): code for code, network in NETWORKS.items()}
_MARGIN_LEVERAGE = 5


def wallets(call: SignedCall) -> list[Row]:
    """Return the current wallets."""
    return [wallet.row() for wallet in call.account.wallets]


def wallets_hist(call: SignedCall) -> list[Row]:
    """Return the wallets at a past time."""
    end, currency = call.integer("end"), call.values.get("currency")
    rows: dict[tuple[str, str], Row] = {}
    for booking in call.account.wallets.past():
        if (end is None or booking.mts <= end) and currency in (None, booking.currency):
            kind, code = booking.wallet, booking.currency
            balance = booking.balance / SCALE
            rows[kind, code] = [kind, code, balance, 0, None, None, booking.mts]
    return [rows[key] for key in sorted(rows)]


def ledgers(call: SignedCall) -> list[Row]:
    """Return ledger entries, newest first."""
    category = call.integer("category")
    kind = _wallet_name(call, "wallet") if call.has("wallet") else None
    rows = (
        booking.row()
        for booking in reversed(call.account.wallets.ledger)
        if category in (None, booking.category)
    )
    return call.past(
        call.known(rows, 3), 2_500, 3, {1: call.text_or_none("currency"), 2: kind}
    )


def transfer(call: SignedCall) -> Row:
    """Transfer between wallets; the only conversions are to derivative currencies and back."""
    for name in ("email_dst", "user_id_dst"):
        if call.has(name):
            raise Refused("transfers to others are not simulated by the local exchange")
    source = call.account.wallets.get(_wallet_name(call, "from"), call.text("currency"))
    currency = call.text("currency_to", source.currency)
    target = call.account.wallets.get(_wallet_name(call, "to"), currency)
    if currency.replace("F0", "") != source.currency.replace("F0", ""):
        raise Refused("conversions are not simulated by the local exchange")
    if (source.kind, source.currency) == (target.kind, target.currency):
        raise Refused("to: invalid")
    amount = read_positive("amount", call.values.get("amount"))
    if amount > source.available:
        raise Refused(
            "Momentary balance check. Please wait few seconds and try the transfer again.",
            GENERIC,
        )
    call.account.wallets.transfer(amount, source, target)
    converted = currency if call.has("currency_to") else None
    data: Row = [call.market_data.now_mts(), source.kind, target.kind, None]
    data += [source.currency, converted, None, amount / SCALE]
    text = f"{units_text(amount)} {source.currency} transferred from"
    text = f"{text} {source.kind.capitalize()} to {target.kind.capitalize()}"
    call.account.emit("n", notification(call, "wallet_transfer", None, text))
    return notification(call, "acc_tf", data, text)


def available(call: SignedCall) -> Row:
    """Return the available amount for an order or offer."""
    kind = call.text("type")
    wallets = call.account.wallets
    market = call.market()
    if kind == "FUNDING":
        return [_free(wallets.get("funding", market.symbol[1:])) / SCALE]
    base, quote = legs(market.symbol[1:])
    if kind == "DERIV":
        lev = read_positive("lev", call.values.get("lev", 10)) // SCALE
        free = _free(wallets.get("margin", quote)) * max(lev, 1)
        return _bought_for(free, market.last_price)
    if kind not in ("EXCHANGE", "MARGIN"):
        raise Refused("type: invalid")
    direction = call.integer("dir")
    if direction not in (1, -1):
        raise Refused("dir: invalid")
    price = read_positive("rate", call.values.get("rate"))
    if kind == "EXCHANGE" and direction == -1:
        return [_free(wallets.get("exchange", base)) / SCALE]
    free = _free(wallets.get(kind.lower(), quote))
    if kind == "MARGIN":
        free *= _MARGIN_LEVERAGE
    return _bought_for(free, price)


def deposit_address(call: SignedCall) -> Row:
    """Return a fake deposit address."""
    kind, method = _wallet_name(call, "wallet"), call.text("method").lower()
    currency = _currency(method)
    known = call.account.addresses.setdefault((kind, method), [])
    if not known or call.integer("op_renew"):
        user = call.account.user_id
        known.append(f"paper-{user}-{kind}-{method}-{len(known) + 1}")
    data: Row = [None, method.upper(), currency, None, known[-1], None]
    return notification(call, "acc_dep", data, "success")


def deposit_addresses(call: SignedCall) -> list[Row]:
    """Return all addresses of a deposit method."""
    method = call.text("method").lower()
    page, size = call.integer("page") or 1, call.integer("pageSize") or 20
    if page < 1 or not 20 <= size <= 100:
        raise Refused("page: invalid")
    rows = [
        [address, kind]
        for (kind, way), addresses in sorted(call.account.addresses.items())
        if way == method
        for address in addresses
    ]
    return rows[(page - 1) * size : page * size]


def withdraw(call: SignedCall) -> Row:
    """Book a withdrawal; nothing leaves the exchange."""
    account = call.account
    method = call.text("method").lower()
    wallet = account.wallets.get(_wallet_name(call, "wallet"), _currency(method))
    address, amount = call.text("address"), call.values.get("amount")
    units = read_positive("amount", amount)
    fee = to_units(FEES[wallet.currency])
    if call.integer("fee_deduct"):
        units -= fee
        if units <= 0:
            raise Refused("amount: invalid", GENERIC)
    payment_id, note = call.text_or_none("payment_id"), call.text_or_none("note")
    is_possible = units + fee <= wallet.available
    id = next(account.ids.movement) if is_possible else 0
    data: Row = [id, None, method, payment_id, wallet.kind, units / SCALE]
    data += [None, None, fee / SCALE]
    if not is_possible:
        text = f"Not enough {wallet.currency} in the {wallet.kind} wallet."
        return notification(call, "acc_wd-req", data, text, "FAILURE")
    book = account.wallets.book
    network = method.upper()
    text = f"{wallet.currency} Withdrawal #{id}"
    book(wallet.kind, wallet.currency, -units, WITHDRAWAL, text)
    text = f"{network} Withdrawal fee #{id}"
    book(wallet.kind, wallet.currency, -fee, WITHDRAWAL_FEE, text)
    now = call.market_data.now_mts()
    row = movement_row(
        id, wallet.currency, network, now, -units, fee, address, payment_id, note
    )
    account.movements.append(row)
    text = "Your withdrawal request has been successfully submitted."
    return notification(call, "acc_wd-req", data, text)


def movements(call: SignedCall) -> list[Row]:
    """Return deposits and withdrawals, newest first."""
    currency, address = call.text_or_none("currency"), call.text_or_none("address")
    where = {0: call.integers(), 1: currency, 16: address}
    rows = call.known(reversed(call.account.movements), 6)
    return call.past(rows, 2_500, 6, where)


def movement_info(call: SignedCall) -> Row:
    """Return the details of a movement."""
    id = call.integer("id")
    for row in call.account.movements:
        if row[0] == id:
            return [*row, *[None] * 10]
    raise Refused("id: invalid")


def _wallet_name(call: SignedCall, name: str) -> str:
    text = call.text(name)
    kind = _OLD_NAMES.get(text, text)
    if kind not in WALLETS:
        raise Refused(f"{name}: invalid")
    return kind


def _currency(method: str) -> str:
    if method not in _CURRENCIES:
        known = ", ".join(sorted(_CURRENCIES))
        raise Refused(f"method: invalid; the local exchange has {known}")
    return _CURRENCIES[method]


def _bought_for(value: int, price: int) -> Row:
    return [value * SCALE // price // QUANTUM * QUANTUM / SCALE]


def _free(wallet: EngineWallet) -> int:
    return max(wallet.available, 0)
