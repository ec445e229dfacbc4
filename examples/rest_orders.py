"""
Transfer funds, place and cancel orders, and resolve the outcome of one whose response was lost.

It runs on the local exchange, with an account that the exchange creates.
"""

from bfxsync import OutcomeUnknown
from bfxsync.paper import PaperExchange

with PaperExchange() as exchange, exchange.client() as bfx:
    auth = bfx.rest.auth

    moved = auth.transfer_between_wallets("exchange", "margin", "USD", None, "250")
    print(moved.raise_for_status().text)

    # The answer may report a rejection; raise_for_status() raises it.
    answer = auth.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.1")
    bought = answer.raise_for_status().data
    print(bought.status.word, "at", bought.price_avg)
    for trade in auth.get_order_trades(bought.symbol, bought.id):
        print("  fill", trade.exec_amount, "fee", trade.fee)

    # Far below the market: it rests in the book, and its funds are reserved.
    answer = auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0.5", "50000")
    order = answer.raise_for_status().data
    print(
        order.status.word,
        "and available:",
        exchange.account.available["exchange"]["USD"],
    )
    print(auth.cancel_order(id=order.id).raise_for_status().text)

    # The order is placed, but the connection breaks before the answer.
    exchange.inject("lost_answer", path="auth/w/order/submit")
    try:
        auth.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0.2", "50000")
    except OutcomeUnknown as error:
        found = error.resolve()
        print("it was placed after all:", found.id, found.status.word)
    auth.cancel_all_orders()

    for entry in auth.get_ledgers("USD", limit=3):
        print(entry.amount, entry.balance, entry.description)
