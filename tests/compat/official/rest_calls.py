"""Each REST method of bitfinex-api-py 4.0.0, as a program for it calls them."""

import os

from bfxapi import PUB_REST_HOST, REST_HOST, Client
from bfxapi.exceptions import BfxBaseException, InvalidCredentialError
from bfxapi.rest import BfxRestInterface
from bfxapi.rest.exceptions import GenericError, RequestParameterError
from bfxapi.types.dataclasses import Order

print(REST_HOST, PUB_REST_HOST)

bfx = Client(api_key=os.getenv("BFX_API_KEY"), api_secret=os.getenv("BFX_API_SECRET"))
rest: BfxRestInterface = bfx.rest
public, auth = bfx.rest.public, bfx.rest.auth


def attempt(function, *arguments, **options):
    """Call a method; an exchange need not have everything that the client has."""
    try:
        result = function(*arguments, **options)
    except InvalidCredentialError:
        raise
    except (GenericError, RequestParameterError) as error:
        print(function.__name__, "was refused:", error)
    except BfxBaseException as error:
        print(function.__name__, "failed:", error)
    else:
        print(function.__name__, "returned", type(result).__name__)
        return result


attempt(public.conf, "pub:list:currency")
attempt(public.get_platform_status)
attempt(public.get_tickers, ["tBTCUSD", "fUSD"])
attempt(public.get_t_tickers, ["tBTCUSD", "tETHUSD"])
attempt(public.get_t_tickers, "ALL")
attempt(public.get_f_tickers, ["fUSD"])
attempt(public.get_t_ticker, "tBTCUSD")
attempt(public.get_f_ticker, "fUSD")
attempt(public.get_tickers_history, ["tBTCUSD"], limit=2)
attempt(public.get_t_trades, "tBTCUSD", limit=2, sort=-1)
attempt(public.get_f_trades, "fUSD", limit=2, sort=-1)
attempt(public.get_t_book, "tBTCUSD", "P0", len=25)
attempt(public.get_f_book, "fUSD", "P0", len=25)
attempt(public.get_t_raw_book, "tBTCUSD", len=25)
attempt(public.get_f_raw_book, "fUSD", len=25)
attempt(public.get_stats_hist, "pos.size:1m:tBTCUSD:long", limit=2)
attempt(public.get_stats_last, "pos.size:1m:tBTCUSD:long")
attempt(public.get_candles_hist, "tBTCUSD", "1m", limit=2)
attempt(public.get_candles_last, "tBTCUSD", "1m")
attempt(public.get_derivatives_status, ["tBTCF0:USTF0"])
attempt(public.get_derivatives_status, "ALL")
attempt(public.get_derivatives_status_history, "tBTCF0:USTF0", limit=2)
attempt(public.get_liquidations, limit=2)
attempt(public.get_seed_candles, "tBTCUSD", "1h")
attempt(public.get_leaderboards_hist, "vol:3h:tBTCUSD", limit=2)
attempt(public.get_leaderboards_last, "vol:3h:tBTCUSD")
attempt(public.get_funding_stats, "fUSD", limit=2)
attempt(public.get_trading_market_average_price, "tBTCUSD", 0.5)
attempt(public.get_funding_market_average_price, "fUSD", 200, 2)
attempt(public.get_fx_rate, "USD", "EUR")

attempt(auth.get_user_info)
attempt(auth.get_login_history)
attempt(
    auth.get_balance_available_for_orders_or_offers,
    "tBTCUSD",
    "EXCHANGE",
    dir=1,
    rate="60000",
)
attempt(auth.get_wallets)
attempt(auth.get_orders, symbol="tBTCUSD")
placed = attempt(auth.submit_order, "EXCHANGE LIMIT", "tBTCUSD", 0.01, 20000, gid=7)
order: Order = placed.data
attempt(auth.update_order, order.id, price=20001)
attempt(auth.cancel_order, id=order.id)
attempt(auth.cancel_order_multi, gid=[7])
attempt(auth.get_orders_history, limit=2)
bought = attempt(auth.submit_order, "EXCHANGE LIMIT", "tBTCUSD", "0.01", "90000")
attempt(auth.get_order_trades, "tBTCUSD", bought.data.id)
attempt(auth.get_trades_history, symbol="tBTCUSD", sort=-1, limit=2)
attempt(auth.get_ledgers, "USD", limit=2)
attempt(auth.get_base_margin_info)
attempt(auth.get_symbol_margin_info, "tBTCUSD")
attempt(auth.get_all_symbols_margin_info)
attempt(auth.submit_order, "MARKET", "tBTCUSD", "0.01", "0")
attempt(auth.submit_order, "MARKET", "tBTCF0:USTF0", "0.01", "0", lev=10)
for position in attempt(auth.get_positions):
    if position.symbol == "tBTCUSD":
        attempt(auth.claim_position, position.position_id)
attempt(auth.increase_position, "tBTCUSD", 0.01)
attempt(auth.get_increase_position_info, "tBTCUSD", 0.01)
attempt(auth.get_positions_history, limit=2)
attempt(auth.get_positions_snapshot, limit=2)
attempt(auth.get_positions_audit, limit=2)
attempt(auth.set_derivative_position_collateral, "tBTCF0:USTF0", 100)
attempt(auth.get_derivative_position_collateral_limits, "tBTCF0:USTF0")
attempt(auth.get_funding_offers, symbol="fUSD")
offered = attempt(auth.submit_funding_offer, "LIMIT", "fUSD", 200, 0.01, 2)
attempt(auth.cancel_funding_offer, offered.data.id)
attempt(auth.cancel_all_funding_offers, "USD")
attempt(auth.submit_funding_close, 1)
attempt(auth.toggle_auto_renew, True, "USD", period=2)
attempt(auth.toggle_keep_funding, "loan", ids=[1], changes={1: 2})
attempt(auth.get_funding_offers_history, symbol="fUSD", limit=2)
attempt(auth.get_funding_loans, symbol="fUSD")
attempt(auth.get_funding_loans_history, symbol="fUSD", limit=2)
attempt(auth.get_funding_credits, symbol="fUSD")
attempt(auth.get_funding_credits_history, symbol="fUSD", limit=2)
attempt(auth.get_funding_trades_history, symbol="fUSD", sort=-1, limit=2)
attempt(auth.get_funding_info, "fUSD")
attempt(auth.transfer_between_wallets, "exchange", "funding", "USD", "USD", 1)
attempt(auth.submit_wallet_withdrawal, "exchange", "bitcoin", "nowhere", 0.1)
attempt(auth.get_deposit_address, "exchange", "bitcoin", op_renew=False)
attempt(auth.generate_deposit_invoice, "exchange", "LNX", 0.001)
attempt(auth.get_movements, currency="BTC", limit=2)
print("all methods were called")
