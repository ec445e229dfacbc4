"""
Place, fill and cancel orders over the WebSocket, and lose the connection with one in flight.

It runs on the local exchange, with an account that the exchange creates.
"""

from bfxsync import OrderRejected
from bfxsync.paper import PaperExchange

with PaperExchange() as exchange, exchange.client() as bfx:
    inputs, account = bfx.wss.inputs, bfx.wss.account
    account.wait_ready()

    # It rests in the book: result() returns as soon as the exchange lists it.
    reply = inputs.submit_order("EXCHANGE LIMIT", "tBTCUSD", "0.5", "50000")
    order = reply.result(timeout=5)
    print("order", order.id, "is", order.status.word)
    print("executed", reply.executed, "remaining", reply.remaining)
    print("open orders, read without a request:", len(account.orders))
    print("cancelled:", reply.cancel_order().result(5).status.word, reply.is_closed)

    # A market order: its fills arrive one by one.
    reply = inputs.submit_order("EXCHANGE MARKET", "tBTCUSD", "0.2")
    bought = reply.wait_filled(timeout=30)
    print(f"bought {reply.executed} at {bought.price_avg:,.1f}")
    for trade in reply.fills:
        print("  fill", trade.exec_amount, "fee", trade.fee, trade.fee_currency)

    # Refused by the exchange: the reply raises it.
    try:
        inputs.submit_order("EXCHANGE LIMIT", "tBTCUSD", "500", "50000").result(5)
    except OrderRejected as error:
        print("refused:", error.message)

    # The order is executed, and the link breaks before the answer.
    exchange.inject("cut_after_input", input="on")
    reply = inputs.submit_order("EXCHANGE MARKET", "tBTCUSD", "-0.1")
    sold = reply.wait_filled(timeout=60)
    print(f"sold {-reply.executed} through a disconnect: {sold.status.word}")
    print(
        "orders that the exchange has executed:",
        len(exchange.account.closed_orders) - 1,
    )
