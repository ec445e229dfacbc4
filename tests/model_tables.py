"""
One row or object of every model, and what stands where in it.

Rows are those of the exchange's documentation, with values in place of its nulls; those without a
page are constructed. Each text has a value at every index or key of the list below it, which gives
place, name and kind of each field, in the order of the model's constructor. The kind of a field
that may be null ends in ``?``:

=========  =======================================================================
int        an integer
switch     1 or 0, true or false
one        the same, but no text
number     a number, which with ``numbers=Decimal`` is a Decimal
text       text
object     an object or its text
any        any JSON
list       a list of any JSON
texts      a list of texts
flags      an `OrderFlag`
anyflags   an `OrderFlag`, or None for whatever else is sent
bool       true or false, 1 or 0
true       the same in a row
profile    a list with the row of a `PulseProfile`
model      another model
models     a list of other models
=========  =======================================================================
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Dict, List, NamedTuple, Tuple, Union

import pytest

from bfxsync import models


class Place(NamedTuple):
    """Where a field stands: a key, or an index, or several for rows within a row."""

    path: Tuple[Union[str, int], ...]
    name: str
    kind: str

    @property
    def is_optional(self) -> bool:
        return self.kind.endswith("?")

    @property
    def plain_kind(self) -> str:
        return self.kind.rstrip("?")


class Case(NamedTuple):
    """A model, the text of a row or object of it, and its fields."""

    model: Any
    text: str
    places: List[Place]

    def read(self, number: Any = float) -> Any:
        """Return the row or object as the JSON reader of a client does."""
        return json.loads(self.text, parse_float=number)

    def build(self, sent: Any, number: Any = float) -> Any:
        """Return the model of a row or object."""
        is_object = self.text.startswith("{")
        build = self.model.from_object if is_object else self.model.from_row
        return build(sent, number)

    def changed(self, place: Place, value: Any, number: Any = float) -> Any:
        """Return the row or object with another value in one place."""
        sent = self.read(number)
        inner(sent, place.path[:-1])[place.path[-1]] = value
        return sent

    def value(self, place: Place, number: Any = float) -> Any:
        """Return what was sent in one place."""
        return inner(self.read(number), place.path)


def inner(sent: Any, path: Tuple[Union[str, int], ...]) -> Any:
    for step in path:
        sent = sent[step]
    return sent


ROWS: Dict[str, Tuple[str, str]] = {
    "Ticker": (
        "[7616.5,31.89055171,7617.5,43.358118629999986,-550.8,-0.0674,7617.1,8314.7,"
        "8257,7500]",
        "0 bid number?, 1 bid_size number?, 2 ask number?, 3 ask_size number?, "
        "4 daily_change number?, 5 daily_change_relative number?, "
        "6 last_price number?, 7 volume number?, 8 high number?, 9 low number?",
    ),
    "FundingTicker": (
        "[0.0003,0.0002,30,3000000.5,1e-7,2,121.25,0.00001,0.02,0.0004,4e6,0.0007,"
        "1.7e-8,null,null,5678.5]",
        "0 frr number?, 1 bid number?, 2 bid_period int?, 3 bid_size number?, "
        "4 ask number?, 5 ask_period int?, 6 ask_size number?, 7 daily_change number?, "
        "8 daily_change_relative number?, 9 last_price number?, 10 volume number?, "
        "11 high number?, 12 low number?, 15 frr_amount_available number?",
    ),
    "Trade": (
        "[388063448,1567526214876,-1.918524,10682]",
        "0 id int, 1 mts int, 2 amount number, 3 price number",
    ),
    "TradeUpdate": (
        "[388063448,1567526214876,1.918524,10682.5]",
        "0 id int, 1 mts int, 2 amount number, 3 price number",
    ),
    "FundingTrade": (
        "[133323543,1574694605000,-59.84,0.00023647,2]",
        "0 id int, 1 mts int, 2 amount number, 3 rate number, 4 period int",
    ),
    "FundingTradeUpdate": (
        "[133323543,1574694605000,59,1e-7,120]",
        "0 id int, 1 mts int, 2 amount number, 3 rate number, 4 period int",
    ),
    "BookUpdate": (
        "[8744.9,2,-0.45603413]",
        "0 price number, 1 count int, 2 amount number",
    ),
    "FundingBookUpdate": (
        "[0.0003301,30,1,-3862.874]",
        "0 rate number, 1 period int, 2 count int, 3 amount number",
    ),
    "RawBookUpdate": (
        "[34006738527,8744.9,0.25603413]",
        "0 order_id int, 1 price number, 2 amount number",
    ),
    "FundingRawBookUpdate": (
        "[645902785,30,0.0003301,-3862.874]",
        "0 offer_id int, 1 period int, 2 rate number, 3 amount number",
    ),
    "PlatformStatus": (
        "[1]",
        "0 status switch",
    ),
    "TickersHistory": (
        '["tMKRF0:USTF0",643.57,null,648.82,null,null,null,null,null,null,null,null,'
        "1674061204000]",
        "0 symbol text, 1 bid number?, 3 ask number?, 12 mts int",
    ),
    "Statistic": (
        "[1573560420000,369005353.5945115]",
        "0 mts int, 1 value number",
    ),
    "Leaderboard": (
        '[1678420800000,null,"someone",1,null,null,-1234567.25,null,null,"somebird"]',
        "0 mts int, 2 username text, 3 ranking int, 6 value number, "
        "9 twitter_handle text?",
    ),
    "FundingStatistic": (
        "[1678467900000,null,null,1.87e-06,68.88,null,null,3230660371.4429536,"
        "2988430006.4623938,null,null,1447938775.5708046]",
        "0 mts int, 3 frr number, 4 avg_period number, 7 funding_amount number, "
        "8 funding_amount_used number, 11 funding_below_threshold number?",
    ),
    "TradingMarketAveragePrice": (
        "[24187.614862350845,1.123]",
        "0 price_avg number, 1 amount number",
    ),
    "FundingMarketAveragePrice": (
        "[0.00033,1000]",
        "0 rate_avg number, 1 amount number",
    ),
    "FxRate": (
        "[8668.65]",
        "0 current_rate number",
    ),
    "AnnouncementPost": (
        '[1023,1678465320000,null,"A new pair"]',
        "0 id int, 1 mts int?, 3 title text?",
    ),
    "PulseProfile": (
        '["abc-1",1571253958000,null,"someone",null,"picture.png","About me",null,null,'
        '"somebird",null,25,3,null,null,null,1]',
        "0 puid text, 1 mts int, 3 nickname text, 5 picture text?, 6 text text?, "
        "9 twitter_handle text?, 11 followers int?, 12 following int?, "
        "16 tipping_status switch?",
    ),
    "PulseMessage": (
        '["pid-1",1587721957000,"pid-0","abc-1",null,"A title","Some *text*",null,null,'
        '0,1,0,["BTC"],["file-1"],[{"a":1}],12,1,null,[["abc-1",1571253958000,null,'
        '"someone",null,"picture.png","About me",null,null,"somebird",null,25,3,null,'
        "null,null,1]],2,null,null]",
        "0 pid text, 1 mts int, 2 parent text?, 3 puid text, 5 title text?, "
        "6 content text?, 9 is_pin switch?, 10 is_public switch?, "
        "11 comments_disabled switch?, 12 tags list?, 13 attachments list?, "
        "14 meta list?, 15 likes int?, 16 uid_liked switch?, 18 profile profile?, "
        "19 comments int?",
    ),
    "TxStatus": (
        '["BITCOIN",1,0,null,null,null,null,0,1,null,null,3]',
        "0 method text, 1 dep_status switch, 2 wd_status switch, "
        "7 payment_id_dep switch, 8 payment_id_wd switch, "
        "11 deposit_confirmations_required int?",
    ),
    "UserInfo": (
        '[123456,"email@email.com","AccountName",1613492801000,1,3,null,"Lisbon","en",'
        '"bitfinex",1,null,null,null,1613492801001,79,123457,1,0,1,null,0,1,0,null,'
        'null,["u2f","otp"],null,0,1,0,1,null,null,null,null,null,null,0,1,null,null,'
        'null,null,"2022-09-06T12:14:14.600Z",null,null,2,null,["FR","PT"],["FR"],'
        '"individual",null,null,1]',
        "0 id int, 1 email text, 2 username text, 3 mts_account_create int, "
        "4 verified switch, 5 verification_level int, 7 timezone text?, "
        "8 locale text?, 9 company text?, 10 email_verified switch?, "
        "14 mts_master_account_create int?, 15 group_id int?, "
        "16 master_account_id int?, 17 inherit_master_account_verification switch?, "
        "18 is_group_master switch?, 19 group_withdraw_enabled switch?, "
        "21 ppt_enabled switch?, 22 merchant_enabled switch?, "
        "23 competition_enabled switch?, 26 two_factors_authentication_modes texts?, "
        "28 is_securities_master switch?, 29 securities_enabled switch?, "
        "30 is_securities_investor_accredited switch?, "
        "31 is_securities_el_salvador switch?, 38 allow_disable_ctxswitch switch?, "
        "39 ctxtswitch_disabled switch?, 44 time_last_login text?, "
        "47 verification_level_submitted int?, 49 comp_countries texts?, "
        "50 compl_countries_resid texts?, 51 compl_account_type text?, "
        "54 is_merchant_enterprise switch?",
    ),
    "LoginHistory": (
        '[78404724,null,1579202754000,null,"184.214.55.220",null,null,'
        '{"user_agent":{"browser":"Chrome"}}]',
        "0 id int, 2 time int, 4 ip text, 7 extra_info object?",
    ),
    "KeyPermission": (
        '["account",1,0]',
        "0 scope text, 1 read switch, 2 write switch",
    ),
    "ChangeLog": (
        '[1574332100000,null,"settings: api key created",null,null,"182.64.34.9",'
        '"Mozilla/5.0"]',
        "0 mts_create int, 2 log text, 5 ip text?, 6 user_agent text?",
    ),
    "Wallet": (
        '["exchange","UST",19788.6529257,0,19788.5,"Exchange 2.0 UST for USD @ 11.696",'
        '{"reason":"TRADE","order_id":1189740779,"trade_price":"11.696"}]',
        "0 wallet_type text, 1 currency text, 2 balance number, "
        "3 unsettled_interest number, 4 available_balance number?, "
        "5 last_change text?, 6 trade_details object?",
    ),
    "WalletHistory": (
        '["margin","USD",1000.25,0.5,999.75,null,1575158400000]',
        "0 wallet_type text, 1 currency text, 2 balance number, "
        "3 unsettled_interest number, 4 available_balance number?, 6 mts_update int?",
    ),
    "BalanceAvailable": (
        "[0.8056309]",
        "0 amount number",
    ),
    "BalanceInfo": (
        "[4131.85,4131.5]",
        "0 aum number, 1 aum_net number",
    ),
    "Ledger": (
        '[2531822314,"USD","margin",1573521810000,null,0.01644445,0,null,'
        '"Settlement @ 185.79 on wallet margin"]',
        "0 id int, 1 currency text, 2 wallet text?, 3 mts int, 5 amount number, "
        "6 balance number, 8 description text?",
    ),
    "Movement": (
        '[13105603,"XRP","RIPPLE",null,null,1569348774000,1569348775000,null,null,'
        '"COMPLETED",null,null,-0.26300954,-0.00135,null,null,"DESTINATION_ADDRESS",'
        '"12345",null,null,"TRANSACTION_ID","Purchase of 100 pizzas"]',
        "0 id int, 1 currency text, 2 currency_name text, 5 mts_start int, "
        "6 mts_update int, 9 status text, 12 amount number, 13 fees number?, "
        "16 destination_address text?, 17 payment_id text?, 20 transaction_id text?, "
        "21 withdraw_transaction_note text?",
    ),
    "MovementInfo": (
        '[24,"EUR","WIRE",null,"remark related to bank details",1677086074000,'
        '1677086210000,null,null,"COMPLETED",null,null,-29.5,-0.5,null,null,"ADDRESS",'
        '"MEMO",null,null,"TRANSACTION_ID","testing note",null,null,0,123,null,null,'
        '"abcd-1234","COMPLETED","finished withdrawal in platform",'
        '{"router":"my-router","meta":{"foo":"bar"}}]',
        "0 id int, 1 currency text, 2 currency_method text, 4 remark text?, "
        "5 mts_start int, 6 mts_update int, 9 status text, 12 amount number, "
        "13 fees number?, 16 destination_address text?, 17 memo text?, "
        "20 transaction_id text?, 21 movement_note text?, 24 bank_fees number?, "
        "25 bank_router_id int?, 28 external_bank_mov_id text?, "
        "29 external_bank_mov_status text?, 30 external_bank_mov_description text?, "
        "31 external_bank_acc_info object?",
    ),
    "Transfer": (
        '[1568736745790,"exchange","margin",null,"UST","USTF0",null,50.5]',
        "0 mts int, 1 wallet_from text, 2 wallet_to text, 4 currency text, "
        "5 currency_to text?, 7 amount number",
    ),
    "Withdrawal": (
        '[13080092,null,"ethereum","MEMO","exchange",0.01,null,null,0.00135]',
        "0 withdrawal_id int?, 2 method text, 3 payment_id text?, 4 wallet text, "
        "5 amount number, 8 withdrawal_fee number?",
    ),
    "DepositAddress": (
        '[null,"RIPPLE","XRP",null,"1234567","POOL_ADDRESS"]',
        "1 method text, 2 currency_code text, 4 address text, 5 pool_address text?",
    ),
    "DepositAddressItem": (
        '["ADDRESS","funding"]',
        "0 address text, 1 wallet_type text",
    ),
    "LightningNetworkInvoice": (
        '["5c1bc3aa","lnbc10u1p0yourinvoice",null,null,"0.00001"]',
        "0 invoice_hash text, 1 invoice text, 4 amount number?",
    ),
    "Order": (
        '[33950998275,7,1573476747887,"tETHUSD",1573476748000,1573476748001,-0.5,-0.75,'
        '"LIMIT","STOP",1573476749000,null,4160,"ACTIVE",null,null,220.5,219.25,1.5,'
        '2.5,null,null,null,0,1,33950998274,null,null,"API>BFX",null,null,{"$F7":1}]',
        "0 id int, 1 gid int?, 2 cid int?, 3 symbol text, 4 mts_create int, "
        "5 mts_update int, 6 amount number, 7 amount_orig number, 8 order_type text, "
        "9 type_prev text?, 10 mts_tif int?, 12 flags flags?, 13 order_status text, "
        "16 price number?, 17 price_avg number?, 18 price_trailing number?, "
        "19 price_aux_limit number?, 23 notify switch?, 24 hidden switch?, "
        "25 placed_id int?, 28 routing text?, 31 meta object?",
    ),
    "OtcOrder": (
        '[1234567,"tBTCUSD",1678465320000,1678465380000,null,1,"me","you",null,-1.25,'
        '30000.5,null,"COMPLETED",1678469000000]',
        "0 id int, 1 symbol text, 2 mts_create int, 3 mts_update int, "
        "5 initiator switch, 6 initiator_nickname text?, "
        "7 counter_party_nickname text?, 9 amount number, 10 price number, "
        "12 order_status text, 13 mts_tif int?",
    ),
    "AccountTrade": (
        '[402088407,"tETHUST",1574963975602,34938060782,-0.2,153.57,"MARKET",153.25,-1,'
        '-0.061668,"USD",1234]',
        "0 id int, 1 symbol text, 2 mts_create int, 3 order_id int, "
        "4 exec_amount number, 5 exec_price number, 6 order_type text?, "
        "7 order_price number?, 8 maker switch?, 9 fee number?, 10 fee_currency text?, "
        "11 cid int?",
    ),
    "OrderTrade": (
        '[399251013,"tETHUSD",1573485493000,33963608932,0.26334268,187.37,"MARKET",'
        'null,1,-0.09868591,"USD",1234]',
        "0 id int, 1 symbol text, 2 mts_create int, 3 order_id int, "
        "4 exec_amount number, 5 exec_price number, 6 order_type text?, "
        "8 maker switch?, 9 fee number?, 10 fee_currency text?, 11 cid int?",
    ),
    "WeightedAverages": (
        "[3,3000.5,0.1,null,1500.5,0.05,null,30005.5,30010.5,null,1678465320000,"
        "1678465380000]",
        "0 trade_count int, 1 sum_buying_spent number, 2 sum_buying_amount number, "
        "4 sum_selling_spent number, 5 sum_selling_amount number, "
        "7 buying_weighted_price number, 8 selling_weighted_price number, "
        "10 first_trade_mts int?, 11 last_trade_mts int?",
    ),
    "Position": (
        '["tBTCUSD","ACTIVE",0.0195,8565.0267019,0,0,-0.33455568705000516,'
        "-0.0003117550117425625,7045.876419249083,3.0673001895895604,null,142355652,"
        '1574002216000,1574002217000,null,1,null,0.5,0.25,{"reason":"TRADE",'
        '"order_id":34271018124,"liq_stage":null}]',
        "0 symbol text, 1 status text, 2 amount number, 3 base_price number, "
        "4 margin_funding number, 5 margin_funding_type int, 6 pl number?, "
        "7 pl_perc number?, 8 price_liq number?, 9 leverage number?, "
        "11 position_id int?, 12 mts_create int?, 13 mts_update int?, 15 type int?, "
        "17 collateral number?, 18 collateral_min number?, 19 meta object?",
    ),
    "PositionHistory": (
        '["tBTCUSD","CLOSED",0,8639.50216298,0.5,1,null,null,null,null,null,142355652,'
        "1574002216000,1574003099000,null,null,null,null,null,null]",
        "0 symbol text, 1 status text, 2 amount number, 3 base_price number, "
        "4 funding number, 5 funding_type int, 11 position_id int, 12 mts_create int, "
        "13 mts_update int",
    ),
    "PositionSnapshot": (
        '["tETHUSD","ACTIVE",-0.2,167.01,0.5,1,null,null,null,null,null,142661142,'
        "1579552390000,1579552391000,null,null,null,null,null,null]",
        "0 symbol text, 1 status text, 2 amount number, 3 base_price number, "
        "4 funding number, 5 funding_type int, 11 position_id int, 12 mts_create int, "
        "13 mts_update int",
    ),
    "PositionAudit": (
        '["tETHUSD","ACTIVE",0.9682,182.76,0.5,1,null,null,null,null,null,142358085,'
        '1574088504000,1574088505000,null,1,null,0.5,0.25,{"reason":"TRADE",'
        '"order_id":34319724780}]',
        "0 symbol text, 1 status text, 2 amount number, 3 base_price number, "
        "4 funding number, 5 funding_type int, 11 position_id int, 12 mts_create int, "
        "13 mts_update int, 15 type int?, 17 collateral number?, "
        "18 collateral_min number?, 19 meta object?",
    ),
    "PositionClaim": (
        '["tBTCUSD","ACTIVE",-0.001,10119,0.5,1,null,null,null,null,null,142031891,'
        '1568650294000,1568650295000,null,0,null,0.5,0.25,{"reason":"TRADE",'
        '"order_id":31089337681}]',
        "0 symbol text, 1 position_status text, 2 amount number, 3 base_price number, "
        "4 margin_funding number, 5 margin_funding_type int, 11 position_id int, "
        "12 mts_create int, 13 mts_update int, 15 pos_type int?, "
        "17 collateral number?, 18 min_collateral number?, 19 meta object?",
    ),
    "PositionIncrease": (
        '["tBTCUSD",null,1.5,100]',
        "0 symbol text, 2 amount number, 3 base_price number",
    ),
    "BaseMarginInfo": (
        '["base",[-3631.798995959999,5.6376,299933.09380832,296301.29481236,'
        "4975.291049394]]",
        "1.0 user_pl number, 1.1 user_swaps number, 1.2 margin_balance number, "
        "1.3 margin_net number, 1.4 margin_min number?",
    ),
    "SymbolMarginInfo": (
        '["sym","tBTCUSD",[854774.7939165855,909999.9796645334,52.08,62.67,null,null]]',
        "1 symbol text, 2.0 tradable_balance number?, 2.1 gross_balance number?, "
        "2.2 buy number?, 2.3 sell number?",
    ),
    "PositionIncreaseInfo": (
        "[[10,0.1],[1.09965743,[516734.60048924293,518415.66409424297,11.5085657124553,"
        "11.702877580552862,null,null,null,null],6843080.04050819],null,null,[1.5,"
        '63345],["BTC","USD"]]',
        "0.0 max_pos number, 0.1 current_pos number, 1.0 base_currency_balance number, "
        "1.1.0 tradable_balance_quote_currency number, "
        "1.1.1 tradable_balance_quote_total number, "
        "1.1.2 tradable_balance_base_currency number, "
        "1.1.3 tradable_balance_base_total number, 1.2 funding_avail number, "
        "4.0 funding_value number?, 4.1 funding_required number?, "
        "5.0 funding_value_currency text?, 5.1 funding_required_currency text?",
    ),
    "FundingOffer": (
        '[41215275,"fUSD",1524784806000,1524784807000,900.5,1000,"FRRDELTAVAR",null,'
        'null,64,"PARTIALLY FILLED",null,null,null,0.0001,30,1,0,null,1,0.00207328]',
        "0 id int, 1 symbol text, 2 mts_create int, 3 mts_update int, 4 amount number, "
        "5 amount_orig number, 6 offer_type text, 9 flags anyflags?, "
        "10 offer_status text, 14 rate number, 15 period int, 16 notify one?, "
        "17 hidden one?, 19 renew one?, 20 rate_real number?",
    ),
    "FundingLoan": (
        '[2993678,"fUSD",-1,1524786468000,1524786469000,200.25,0,"ACTIVE","FIXED",null,'
        "null,0.002,7,1524786468000,1524786468001,1,0,null,1,0.0021,0]",
        "0 id int, 1 symbol text, 2 side int, 3 mts_create int, 4 mts_update int, "
        "5 amount number, 6 flags any?, 7 status text, 8 rate_type text?, "
        "11 rate number, 12 period int, 13 mts_opening int?, 14 mts_last_payout int?, "
        "15 notify one?, 16 hidden one?, 18 renew one?, 19 rate_real number?, "
        "20 no_close one?",
    ),
    "FundingCredit": (
        '[26190108,"fUSD",1,1524846786000,1524846787000,32.91281465,0,"ACTIVE","VAR",'
        'null,null,0.002,7,1524786468000,1524786469000,0,1,null,0,0.002,1,"tBTCUST"]',
        "0 id int, 1 symbol text, 2 side int, 3 mts_create int, 4 mts_update int, "
        "5 amount number, 6 flags any?, 7 status text, 8 rate_type text?, "
        "11 rate number, 12 period int, 13 mts_opening int?, 14 mts_last_payout int?, "
        "15 notify one?, 16 hidden one?, 18 renew one?, 19 rate_real number?, "
        "20 no_close one?, 21 position_pair text?",
    ),
    "AccountFundingTrade": (
        '[636040,"fUST",1574077528000,41237922,-100.5,0.0024,2,1]',
        "0 id int, 1 currency text, 2 mts_create int, 3 offer_id int, 4 amount number, "
        "5 rate number, 6 period int, 7 maker switch?",
    ),
    "FundingAutoRenew": (
        '["USD",2,0.0002,123.45]',
        "0 currency text, 1 period int, 2 rate number, 3 threshold number",
    ),
    "FundingAutoRenewStatus": (
        '["USD",5,0.00034405,0]',
        "0 currency text, 1 period int, 2 rate number, 3 threshold number",
    ),
    "DerivativePositionCollateral": (
        "[1]",
        "0 status switch",
    ),
    "DerivativePositionCollateralLimits": (
        "[71.6,1150.61]",
        "0 min_collateral number, 1 max_collateral number",
    ),
    "Alert": (
        '["price:tETHUSD:220.5","price","tETHUSD",220.5,100]',
        "0 key text, 1 alert_type text, 2 symbol text, 3 price number, 4 countdown int",
    ),
    "UserSetting": (
        '["api:colour",{"a":["dark"]}]',
        "0 key text, 1 value any?",
    ),
    "CoreSetting": (
        '["theme","dark"]',
        "0 key text, 1 value any?",
    ),
    "SettingsWriteResult": (
        "[2]",
        "0 number_of_settings int?",
    ),
    "CustomerInfo": (
        '{"nationality":"DE","residCountry":"GB","residState":"L","residCity":"London",'
        '"residZipCode":"WC2H 7NA","residStreet":"Leicester Square",'
        '"residBuildingNo":"23 A","fullName":"John Doe","email":"john@example.com",'
        '"tosAccepted":true,"customerType":"INDIVIDUAL"}',
        "nationality nationality text?, residCountry resid_country text?, "
        "residState resid_state text?, residCity resid_city text?, "
        "residZipCode resid_zip_code text?, residStreet resid_street text?, "
        "residBuildingNo resid_building_no text?, fullName full_name text?, "
        "email email text?, tosAccepted tos_accepted bool?, "
        "customerType customer_type text?",
    ),
    "Invoice": (
        '{"amount":0.10,"currency":"UST-ETH","payCurrency":"UST","poolCurrency":"ETH",'
        '"address":"0xabc","ext":{"a":1}}',
        "amount amount number?, currency currency text?, "
        "payCurrency pay_currency text?, poolCurrency pool_currency text?, "
        "address address text?, ext ext object?",
    ),
    "Payment": (
        '{"txid":"0x11","amount":0.10,"currency":"ETH","method":"ETHEREUM",'
        '"status":"COMPLETED","confirmations":12,'
        '"createdAt":"2023-03-10T16:22:00.000Z","updatedAt":1678465320000,'
        '"depositId":5,"ledgerId":6,"forceCompleted":false,"amountDiff":"-0.10"}',
        "txid txid text?, amount amount number?, currency currency text?, "
        "method method text?, status status text?, confirmations confirmations int?, "
        "createdAt created_at any?, updatedAt updated_at any?, "
        "depositId deposit_id int?, ledgerId ledger_id int?, "
        "forceCompleted force_completed bool?, amountDiff amount_diff number?",
    ),
    "InvoiceSubmission": (
        '{"id":"0a1b","t":1678465320000,"type":"ECOMMERCE","duration":900,'
        '"amount":1.50,"currency":"USD","orderId":"test","payCurrencies":["ETH",'
        '"UST-ETH"],"webhook":"https://a","redirectUrl":"https://b","status":"CREATED",'
        '"customerInfo":{"nationality":"DE","residCountry":"GB","residState":"L",'
        '"residCity":"London","residZipCode":"WC2H 7NA",'
        '"residStreet":"Leicester Square","residBuildingNo":"23 A",'
        '"fullName":"John Doe","email":"john@example.com","tosAccepted":true,'
        '"customerType":"INDIVIDUAL"},"invoices":[{"amount":0.10,"currency":"UST-ETH",'
        '"payCurrency":"UST","poolCurrency":"ETH","address":"0xabc","ext":{"a":1}},'
        '{"amount":0.10,"currency":"UST-ETH","payCurrency":"UST","poolCurrency":"ETH",'
        '"address":"0xabc","ext":{"a":1}}],"payment":{"txid":"0x11","amount":0.10,'
        '"currency":"ETH","method":"ETHEREUM","status":"COMPLETED","confirmations":12,'
        '"createdAt":"2023-03-10T16:22:00.000Z","updatedAt":1678465320000,'
        '"depositId":5,"ledgerId":6,"forceCompleted":false,"amountDiff":"-0.10"},'
        '"additionalPayments":[{"txid":"0x11","amount":0.10,"currency":"ETH",'
        '"method":"ETHEREUM","status":"COMPLETED","confirmations":12,'
        '"createdAt":"2023-03-10T16:22:00.000Z","updatedAt":1678465320000,'
        '"depositId":5,"ledgerId":6,"forceCompleted":false,"amountDiff":"-0.10"}],'
        '"merchantName":"Shop","metadata":{"env":"x"},"flags":["a"],'
        '"recalculatedAt":1678465320001}',
        "id id text, t t int, type type text?, duration duration int?, "
        "amount amount number, currency currency text, orderId order_id text?, "
        "payCurrencies pay_currencies texts?, webhook webhook text?, "
        "redirectUrl redirect_url text?, status status text, "
        "customerInfo customer_info model?, invoices invoices models?, "
        "payment payment model?, additionalPayments additional_payments models?, "
        "merchantName merchant_name text?, metadata metadata object?, "
        "flags flags texts?, recalculatedAt recalculated_at int?",
    ),
    "InvoicePage": (
        '{"page":1,"pageSize":10,"sort":"asc","sortField":"t","totalPages":2,'
        '"totalItems":11,"items":[{"id":"0a1b","t":1678465320000,"type":"ECOMMERCE",'
        '"duration":900,"amount":1.50,"currency":"USD","orderId":"test",'
        '"payCurrencies":["ETH","UST-ETH"],"webhook":"https://a",'
        '"redirectUrl":"https://b","status":"CREATED",'
        '"customerInfo":{"nationality":"DE","residCountry":"GB","residState":"L",'
        '"residCity":"London","residZipCode":"WC2H 7NA",'
        '"residStreet":"Leicester Square","residBuildingNo":"23 A",'
        '"fullName":"John Doe","email":"john@example.com","tosAccepted":true,'
        '"customerType":"INDIVIDUAL"},"invoices":[{"amount":0.10,"currency":"UST-ETH",'
        '"payCurrency":"UST","poolCurrency":"ETH","address":"0xabc","ext":{"a":1}},'
        '{"amount":0.10,"currency":"UST-ETH","payCurrency":"UST","poolCurrency":"ETH",'
        '"address":"0xabc","ext":{"a":1}}],"payment":{"txid":"0x11","amount":0.10,'
        '"currency":"ETH","method":"ETHEREUM","status":"COMPLETED","confirmations":12,'
        '"createdAt":"2023-03-10T16:22:00.000Z","updatedAt":1678465320000,'
        '"depositId":5,"ledgerId":6,"forceCompleted":false,"amountDiff":"-0.10"},'
        '"additionalPayments":[{"txid":"0x11","amount":0.10,"currency":"ETH",'
        '"method":"ETHEREUM","status":"COMPLETED","confirmations":12,'
        '"createdAt":"2023-03-10T16:22:00.000Z","updatedAt":1678465320000,'
        '"depositId":5,"ledgerId":6,"forceCompleted":false,"amountDiff":"-0.10"}],'
        '"merchantName":"Shop","metadata":{"env":"x"},"flags":["a"],'
        '"recalculatedAt":1678465320001}]}',
        "page page int, pageSize page_size int, sort sort text?, "
        "sortField sort_field text?, totalPages total_pages int, "
        "totalItems total_items int, items items models",
    ),
    "InvoiceStats": (
        '{"time":"2023-03-10","count":12.50}',
        "time time text, count count number",
    ),
    "CurrencyConversion": (
        '{"baseCcy":"UST","convertCcy":"BTC","created":1678465320}',
        "baseCcy base_ccy text, convertCcy convert_ccy text, created created int?",
    ),
    "MerchantDeposit": (
        '{"id":5,"invoiceId":"0a1b","orderId":"test","type":"deposit","amount":0.10,'
        '"t":1678465320000,"txid":"0x11","currency":"ETH","method":"ETHEREUM",'
        '"payMethod":"ETH"}',
        "id id int, invoiceId invoice_id text?, orderId order_id text?, "
        "type type text?, amount amount number, t t int, txid txid text?, "
        "currency currency text, method method text?, payMethod pay_method text?",
    ),
    "MerchantUnlinkedDeposit": (
        '{"id":5,"method":"RIPPLE","currency":"XRP","createdAt":1678465320000,'
        '"updatedAt":1678465330000,"amount":1.50,"fee":0.25,"txid":"0x11",'
        '"address":"rabc","paymentId":12345,"status":"COMPLETED","note":"hello"}',
        "id id int, method method text?, currency currency text, "
        "createdAt created_at int?, updatedAt updated_at int?, amount amount number, "
        "fee fee number?, txid txid text?, address address text?, "
        "paymentId payment_id any?, status status text?, note note text?",
    ),
    "MerchantLimits": (
        '{"ecommerceLimit":10000.50,"posLimit":1000,'
        '"ecommerceCustomerEmail":"a@example.com","ecommerceCustomerUsage":12.5,'
        '"posUsage":3}',
        "ecommerceLimit ecommerce_limit number?, posLimit pos_limit number?, "
        "ecommerceCustomerEmail ecommerce_customer_email text?, "
        "ecommerceCustomerUsage ecommerce_customer_usage number?, "
        "posUsage pos_usage number?",
    ),
    "RecurringAlgoOrder": (
        '{"algoOrderId":"6f6f","alias":"savings","_symbol":"tBTCUSD","currency":"USD",'
        '"action":"buy","amount":50.25,"recurrence":"weekly","startedAt":"2026-01-31",'
        '"endedAt":"2027-01-31","endless":false,"status":"ACTIVE"}',
        "algoOrderId algo_order_id text?, alias alias text?, _symbol symbol text?, "
        "currency currency text?, action action text?, amount amount number?, "
        "recurrence recurrence text?, startedAt started_at text?, "
        "endedAt ended_at text?, endless endless bool?, status status text?",
    ),
    "Candle": (
        "[1574698260000,7379.785503,7383.8,7388.3,7379.5,1.68829482]",
        "0 mts int, 1 open number, 2 close number, 3 high number, 4 low number, "
        "5 volume number",
    ),
    "DerivativesStatus": (
        "[1596124822000,null,0.896,0.771995,null,1396531.67460709,null,1596153600000,"
        "0.0001056,6,null,-0.01381344,null,null,0.7664,null,null,246502.09001551,null,"
        "null,null,-0.25,0.3]",
        "0 mts int, 2 deriv_price number?, 3 spot_price number?, "
        "5 insurance_fund_balance number?, 7 next_funding_evt_mts int?, "
        "8 next_funding_accrued number?, 9 next_funding_step int?, "
        "11 current_funding number?, 14 mark_price number?, 17 open_interest number?, "
        "21 clamp_min number?, 22 clamp_max number?",
    ),
    "OpenInterest": (
        "[1596124822000,null,0.896,0.771995,null,1396531.67460709,null,1596153600000,"
        "0.0001056,6,null,-0.01381344,null,null,0.7664,null,null,246502.09001551]",
        "0 mts int, 17 open_interest number?",
    ),
    "Liquidation": (
        '["pos",142397657,1574697680828.2002,null,"tBSVUSD",-2.62932,91.583875238719,'
        "null,1,0,null,112.27]",
        "1 pos_id int, 2 mts number, 4 symbol text, 5 amount number, "
        "6 base_price number, 8 is_match switch, 9 is_market_sold switch, "
        "11 liquidation_price number?",
    ),
    "FundingInfo": (
        '["sym","fUSD",[0.10,0,1.8444560185185186,2.5]]',
        "1 symbol text, 2.0 yield_loan number?, 2.1 yield_lend number?, "
        "2.2 duration_loan number?, 2.3 duration_lend number?",
    ),
    "PairInfo": (
        '["ADAUSD",[null,null,null,"4.0","250000.0",null,null,null,0.3,0.15,null,null]]',
        "0 pair text, 1.3 min_order_size number, 1.4 max_order_size number, "
        "1.8 initial_margin number?, 1.9 min_margin number?",
    ),
    "AlertDeletion": (
        "[true]",
        "0 ok true",
    ),
    "Vasp": (
        '{"id":"did:example:1","name":"Example"}',
        "id id text, name name text",
    ),
    "TradeVolume": (
        '{"curr":"BTC","vol":1.10,"vol_safe":1.25,"vol_maker":1,"vol_BFX":0.5,'
        '"vol_BFX_safe":0.25,"vol_BFX_maker":0.125}',
        "curr curr text, vol vol number?, vol_safe vol_safe number?, "
        "vol_maker vol_maker number?, vol_BFX vol_bfx number?, "
        "vol_BFX_safe vol_bfx_safe number?, vol_BFX_maker vol_bfx_maker number?",
    ),
    "ThalexTransfer": (
        '{"type":"deposit","addressDest":"0xabc","amount":"1000.50","ccy":"USE",'
        '"createdAt":1732125293487,"updatedAt":1732125295060,"id":"6f6f",'
        '"status":"PENDING","fee":"0"}',
        "type type text?, addressDest address_dest text?, amount amount number?, "
        "ccy ccy text?, createdAt created_at int?, updatedAt updated_at int?, "
        "id id text?, status status text?, fee fee number?",
    ),
    "ThalexFreeTransfers": (
        '{"available":1,"resetsAt":1732147200000}',
        "available available int, resetsAt resets_at int?",
    ),
    "ThalexFreeTransferCount": (
        '{"deposits":{"available":1,"resetsAt":1732147200000},'
        '"withdrawals":{"available":0,"resetsAt":null}}',
        "deposits deposits model, withdrawals withdrawals model",
    ),
    "LightningPayment": (
        '{"payment_hash":"5c1bc3aa","created_at":1614864432000,'
        '"invoice_expiry":1614868032000,"invoice":"lnbc10u1p0yourinvoice",'
        '"recipient_pub_key":"02aa","memo":"coffee","amount":1000,'
        '"bfx_amount":"0.00001","status":"paid"}',
        "payment_hash payment_hash text, created_at created_at int?, "
        "invoice_expiry invoice_expiry int?, invoice invoice text?, "
        "recipient_pub_key recipient_pub_key text?, memo memo text?, "
        "amount amount number?, bfx_amount bfx_amount number?, status status text?",
    ),
}


def _case(name: str) -> Case:
    text, fields = ROWS[name]
    places = []
    for field in fields.split(", "):
        where, field_name, kind = field.split(" ")
        path: Tuple[Union[str, int], ...] = (where,)
        if text.startswith("["):
            path = tuple(map(int, where.split(".")))
        places.append(Place(path, field_name, kind))
    return Case(getattr(models, name), text, places)


CASES: Dict[str, Case] = {name: _case(name) for name in ROWS}

NUMBERS = pytest.mark.parametrize("number", [float, Decimal])


def read(name: str, number: Any = float) -> Any:
    """Return the row or object of a model, by the model's name."""
    return CASES[name].read(number)
