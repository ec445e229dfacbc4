"""Positions, margin and user data of an account."""

from __future__ import annotations

import json
import time

from bfxsync.paper.engine.account import DERIVATIVE_TAKER_FEE, MAKER_FEE, TAKER_FEE
from bfxsync.paper.engine.amounts import read_amount, read_positive
from bfxsync.paper.engine.errors import Declined
from bfxsync.paper.engine.margin import maintenance
from bfxsync.paper.engine.order import legs
from bfxsync.paper.engine.positions import MARGIN_PER_CENT
from bfxsync.paper.engine.units import SCALE, Row, to_units
from bfxsync.paper.markets.market import Market
from bfxsync.paper.server.keys import LONGEST_TTL_S
from bfxsync.paper.server.rest.private_orders import notification
from bfxsync.paper.server.rest.query import Refused, SignedCall
from bfxsync.paper.settings import SCOPES

_MILLION = 1_000_000
_USER_LENGTH = 55


def positions(call: SignedCall) -> list[Row]:
    """Return the open positions, with the values calculated at the current prices."""
    margin, account = call.registry.margin, call.account
    return [margin.row(account, each) for each in account.positions.open.values()]


def positions_hist(call: SignedCall) -> list[Row]:
    """Return closed positions, newest first."""
    return call.past(
        reversed(call.account.positions.closed), 50, 13, {11: call.integers()}
    )


def positions_snap(call: SignedCall) -> list[Row]:
    """Return the end-of-day snapshots of positions, newest first."""
    wanted = {11: call.integers()}
    return call.past(reversed(call.account.positions.snapshots), 500, 13, wanted)


def collateral_limits(call: SignedCall) -> Row:
    """Return the lowest and the highest collateral of a position in a derivative."""
    try:
        limits = call.registry.margin.collateral_limits(
            call.account, call.market().symbol
        )
    except Declined as declined:
        raise Refused(declined.text, declined.code) from None
    return [limit / SCALE for limit in limits]


def set_collateral(call: SignedCall) -> list[Row]:
    """Set the collateral of a position in a derivative."""
    amount = read_positive("collateral", call.values.get("collateral"))
    try:
        call.registry.margin.set_collateral(call.account, call.market().symbol, amount)
    except Declined as declined:
        raise Refused(declined.text, declined.code) from None
    return [[1]]


def claim_position(call: SignedCall) -> Row:
    """Settle a margin position with the margin wallet."""
    amount = None
    if call.has("amount"):
        # A short position may be given with its sign.
        amount = abs(read_amount("amount", call.values["amount"]))
    try:
        row = call.registry.margin.claim(call.account, call.integer("id"), amount)
    except Declined as declined:
        raise Refused(declined.text, declined.code) from None
    return notification(call, "pm-req", row, "Position claim is submitted.")


def positions_audit(call: SignedCall) -> list[Row]:
    """Return all changes of positions, newest first."""
    wanted = call.integers("ids") if call.has("ids") else call.integers()
    return call.past(reversed(call.account.positions.changes), 250, 13, {11: wanted})


def margin_base(call: SignedCall) -> Row:
    """Return the value of the margin wallet; only its dollars count."""
    wallet = call.account.wallets.get("margin", "USD")
    profit = needed = 0
    for position in call.account.positions.open.values():
        if legs(position.symbol[1:])[1] == "USD":
            profit += call.registry.margin.profit(position)
            needed += maintenance(position)
    net = wallet.balance + profit
    numbers = (profit, 0, wallet.balance, net, needed)
    return ["base", [number / SCALE for number in numbers]]


def margin_symbol(call: SignedCall) -> Row:
    """Return the tradable balance of a pair on margin."""
    market = call.market()
    if market.is_funding or market.is_derivative:
        raise Refused("symbol: invalid")
    return _margin_row(call, market)


def margin_all(call: SignedCall) -> list[Row]:
    """Return the tradable balances of all pairs on margin."""
    return [
        _margin_row(call, market)
        for market in call.market_data.markets.values()
        if not (market.is_funding or market.is_derivative)
    ]


def user_info(call: SignedCall) -> Row:
    """Return the user data."""
    account = call.account
    row: Row = [None] * _USER_LENGTH
    row[:6] = [account.user_id, "paper@example.com", "paper", account.created_mts, 1, 3]
    row[7:11] = ["UTC", "en", "bitfinex", 1]
    row[21:24] = [1, 0, 0]
    row[26] = ["otp"]
    seconds = time.gmtime(account.created_mts // 1000)
    row[44] = f"{time.strftime('%Y-%m-%dT%H:%M:%S', seconds)}.000Z"
    return row


def summary(call: SignedCall) -> Row:
    """Return fee rates, and the fees paid."""
    paid: dict[str, float] = {}
    for trade in call.account.trades:
        units = to_units(trade[9]) + to_units(paid.get(trade[10], 0))
        paid[trade[10]] = units / SCALE
    maker, taker = MAKER_FEE / _MILLION, TAKER_FEE / _MILLION
    derivative = DERIVATIVE_TAKER_FEE / _MILLION
    none: Row = [None]
    fees = [[*[maker] * 3, None, None, 0], [*[taker] * 3, None, None, derivative]]
    volumes = [{"curr": "Total (USD)", "vol": 0, "vol_safe": 0, "vol_maker": 0}]
    earned: Row = [None, {}, 0]
    leo = {"leo_lev": 0, "leo_amount_avg": 0}
    return [*none * 4, fees, [volumes, paid, 0], earned, None, None, leo]


def logins_hist(call: SignedCall) -> list[Row]:
    """Return the only login, at the creation of the account."""
    mts = call.account.created_mts
    info = json.dumps({"user_agent": {"browser": "paper"}})
    row: Row = [1, None, mts, None, "127.0.0.1", None, None, info]
    return call.past([row], 250, 2)


def changelog_hist(call: SignedCall) -> list[Row]:
    """Return the only change of settings, the creation of the key."""
    text = "settings: api key created"
    row = [call.account.created_mts, None, text, None, None, "127.0.0.1", "paper"]
    return call.past([row], 500, 0)


def permissions(call: SignedCall) -> list[Row]:
    """Return the rights of the key or token."""
    allows = call.credential.allows
    return [
        [scope, int(allows(scope, "r")), int(allows(scope, "w"))] for scope in SCOPES
    ]


def new_token(call: SignedCall) -> list[str]:
    """Create a token."""
    if call.text("scope") != "api":
        raise Refused("scope: invalid")
    ttl_s = call.integer("ttl")
    if ttl_s is None:
        ttl_s = 120
    if not 1 <= ttl_s <= LONGEST_TTL_S:
        raise Refused("ttl: invalid")
    caps, may_write = call.values.get("caps"), bool(call.values.get("writePermission"))
    return [call.registry.keys.new_token(call.credential, ttl_s, caps, may_write)]


def delete_token(call: SignedCall) -> list[int]:
    """Revoke a token."""
    call.registry.keys.delete_token(call.credential, call.values.get("token"))
    return [1]


def _margin_row(call: SignedCall, market: Market) -> Row:
    quote = legs(market.symbol[1:])[1]
    wallet = call.account.wallets.get("margin", quote)
    power = [
        max(amount, 0) * 100 // MARGIN_PER_CENT / SCALE
        for amount in (wallet.available, wallet.balance)
    ]
    depth = market.book.depth("R0")
    sizes = [
        round(power[0] * SCALE / side.best().price, 8) if len(side) else 0
        for side in (depth.asks, depth.bids)
    ]
    return ["sym", market.symbol, [*power, *sizes, None, None, None, None]]
