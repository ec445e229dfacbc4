'use strict'
// A program for bitfinex-api-node 9.1.0, run by ../run.py: the WebSocket with its audit of sequence
// numbers and its own order books, and REST. An error that the client emits ends it.

const { WSv2 } = require('bitfinex-api-node')
const { RESTv2 } = require('bfx-api-node-rest')
const { Order } = require('bfx-api-node-models')

const PAIR = 'tBTCUSD'
const WAIT_MS = 20000
const env = process.env
const key = { apiKey: env.FOREIGN_KEY, apiSecret: env.FOREIGN_SECRET }

const ws = new WSv2({
  ...key,
  url: env.FOREIGN_WSS_HOST,
  transform: true,
  manageOrderBooks: true,
  seqAudit: true
})
const rest = new RESTv2({
  ...key,
  url: env.FOREIGN_REST_HOST.slice(0, -'/v2'.length),
  transform: true
})

const seen = []
let changed = () => {}
let checksums = 0

function add (name, value) {
  seen.push([name, value])
  changed()
}

function check (condition, text) {
  if (!condition) throw new Error(text)
}

async function wait (name, matches = () => true, since = 0) {
  const deadline = Date.now() + WAIT_MS
  for (;;) {
    const failed = seen.find(([each]) => each === 'error')
    if (failed) throw failed[1] instanceof Error ? failed[1] : new Error(JSON.stringify(failed[1]))
    const found = seen.slice(since).find(([each, value]) => each === name && matches(value))
    if (found) return found[1]
    const leftMs = deadline - Date.now()
    check(leftMs > 0, `no ${name} in time`)
    await new Promise(resolve => {
      const timer = setTimeout(resolve, leftMs)
      changed = () => { clearTimeout(timer); resolve() }
    })
  }
}

async function step (name, run) {
  try {
    await run()
  } catch (error) {
    console.error(`FAILED: ${name}`)
    throw error
  }
  console.log(`ok: ${name}`)
}

async function fails (call) {
  try {
    await call
  } catch (error) {
    return error
  }
  throw new Error('the call did not fail')
}

function order (fields) {
  return new Order({ type: Order.type.EXCHANGE_LIMIT, symbol: PAIR, ...fields }, ws)
}

async function main () {
  ws.on('error', error => add('error', error))
  ws.on('cs', (...values) => { if (values.length === 2) checksums += 1 })
  ws.onOrderSnapshot({}, value => add('os', value))
  ws.onWalletSnapshot({}, value => add('ws', value))
  ws.onWalletUpdate({}, value => add('wu', value))
  ws.onPositionSnapshot({}, value => add('ps', value))
  ws.onPositionNew({}, value => add('pn', value))
  ws.onPositionClose({}, value => add('pc', value))
  ws.onOrderNew({}, value => add('on', value))
  ws.onOrderUpdate({}, value => add('ou', value))
  ws.onOrderClose({}, value => add('oc', value))
  ws.onAccountTradeEntry({}, value => add('te', value))
  ws.onAccountTradeUpdate({}, value => add('tu', value))
  ws.onMarginInfoUpdate({}, value => add('miu', value))
  ws.onBalanceInfoUpdate({}, value => add('bu', value))
  ws.onFundingOfferNew({}, value => add('fon', value))
  ws.onFundingOfferClose({}, value => add('foc', value))
  ws.onNotification({}, value => add('n', value))
  ws.onTicker({ symbol: PAIR }, value => add('ticker', value))
  ws.onTradeEntry({ symbol: PAIR }, value => add('trade', value))
  ws.onOrderBook({ symbol: PAIR }, value => add('book', value))
  ws.onCandle({ key: `trade:1m:${PAIR}` }, value => add('candle', value))

  await step('authentication and snapshots', async () => {
    // Before the connection is open, as its promise only waits for an answer with this flag alone.
    await ws.enableFlag(WSv2.flags.CHECKSUM)
    await ws.open()
    await ws.auth()
    for (const name of ['os', 'ws', 'ps']) await wait(name)
  })

  await step('limit order: new, update, close', async () => {
    const mine = order({ cid: 11, amount: 0.1, price: 30000 })
    await mine.submit()
    await wait('on', o => o.cid === 11)
    mine.registerListeners()
    await mine.update({ price: '30500' })
    await wait('ou', o => o.id === mine.id && o.price === 30500)
    await mine.cancel()
    const closed = await wait('oc', o => o.id === mine.id)
    check(closed.status.startsWith('CANCELED'), closed.status)
  })

  await step('market order: close, trades with fee', async () => {
    const mine = order({ type: Order.type.EXCHANGE_MARKET, cid: 12, amount: 0.05 })
    await mine.submit()
    const closed = await wait('oc', o => o.cid === 12)
    check(closed.status.startsWith('EXECUTED'), closed.status)
    const trade = await wait('tu', t => t.orderID === closed.id)
    check(trade.fee < 0 && trade.feeCurrency === 'BTC', 'no fee')
    await wait('te', t => t.id === trade.id)
    await wait('wu', w => w.currency === 'BTC')
  })

  await step('refusals reject the promises', async () => {
    await fails(order({ cid: 13, amount: 1000, price: 60000 }).submit())
    await fails(ws.cancelOrder(5))
  })

  await step('several operations at once, and cancellation of several', async () => {
    await ws.submitOrderMultiOp([
      ['on', { type: 'EXCHANGE LIMIT', symbol: PAIR, amount: '0.01', price: '29000', cid: 21 }],
      ['on', { type: 'EXCHANGE LIMIT', symbol: PAIR, amount: '0.01', price: '29000', cid: 22, gid: 5 }],
      ['on', { type: 'EXCHANGE LIMIT', symbol: PAIR, amount: '0.01', price: '29000', cid: 23, gid: 5 }]
    ])
    const first = await wait('on', o => o.cid === 21)
    const others = []
    for (const cid of [22, 23]) others.push(await wait('on', o => o.cid === cid))
    await ws.cancelOrder(first.id)
    await ws.cancelOrders(others)
    for (const cid of [21, 22, 23]) await wait('oc', o => o.cid === cid)
  })

  await step('position: new and close', async () => {
    await order({ type: Order.type.MARKET, cid: 31, amount: 0.02 }).submit()
    await wait('pn', p => p.symbol === PAIR)
    await order({ type: Order.type.MARKET, cid: 32, amount: -0.02, flags: 1024 }).submit()
    await wait('pc', p => p.symbol === PAIR)
  })

  await step('calculations, and a message to all connections', async () => {
    ws.requestCalc(['margin_base', 'balance'])
    await wait('miu')
    await wait('bu')
    ws.notifyUI({ type: 'info', message: 'hello' })
    await wait('n', n => n.type === 'ucm-notify-ui')
  })

  await step('public channels, and ten checksums of a book', async () => {
    await ws.subscribeTicker(PAIR)
    await ws.subscribeTrades(PAIR)
    await ws.subscribeCandles(`trade:1m:${PAIR}`)
    await ws.subscribeOrderBook(PAIR, 'P0', '25')
    for (const name of ['ticker', 'trade', 'candle', 'book']) await wait(name)
    while (checksums < 10) await wait('book', () => true, seen.length)
  })

  await step('REST', async () => {
    check((await rest.status())[0] === 1, 'status')
    check((await rest.ticker({ symbol: PAIR })).bid > 0, 'ticker')
    check((await rest.wallets()).length > 5, 'wallets')
    check((await rest.activeOrders()).length === 0, 'orders')
    check((await rest.orderHistory({ symbol: PAIR })).length >= 5, 'order history')
    check((await rest.accountTrades({ symbol: PAIR })).length >= 3, 'trades')
    check((await rest.ledgers({ filters: 'USD' })).length > 0, 'ledgers')
    check((await rest.positions()).length === 0, 'positions')
    const since = seen.length
    const mine = await rest.submitOrder({
      order: order({ cid: 41, amount: 0.1, price: 30000 })
    })
    await wait('on', o => o.cid === 41, since)
    await rest.cancelOrder({ id: mine[0] ? mine[0].id : mine.id })
    await wait('oc', o => o.cid === 41, since)
  })

  await wait('book', () => true, seen.length)
  const wallets = await rest.wallets()
  console.log('beliefs: ' + JSON.stringify({
    wallets: wallets.map(w => [w.type, w.currency, w.balance]),
    orders: (await rest.activeOrders()).map(o => o.id),
    trades: seen.filter(([name]) => name === 'tu').map(([, t]) => t.id).sort()
  }))
  await ws.close()
}

main().then(() => process.exit(0), error => {
  console.error(error)
  process.exit(1)
})
