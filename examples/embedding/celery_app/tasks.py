"""
Places orders from a task queue, each at most once: celery -A tasks worker

Celery delivers a task again if its worker was killed, and a task may retry itself. So a task first
claims its order in Redis. Whoever finds a claim never sends the order, only looks for it.
"""

import hashlib
import os
import time

import redis
from celery import Celery
from celery.signals import worker_process_shutdown

from bfxsync import Client, NetworkError, NotExecuted, OutcomeUnknown, RateLimited

URL = os.environ.get("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0")
WEEK_S = 7 * 24 * 3600
MINUTE_MS = 60_000

app = Celery("orders", broker=URL, backend=URL)
# A task counts as done when it has returned, not when it was delivered.
app.conf.update(task_acks_late=True, task_reject_on_worker_lost=True)
app.conf.update(worker_prefetch_multiplier=1, broker_connection_retry_on_startup=True)

claims = redis.Redis.from_url(URL)
# Made before the fork, used after it. The processes share one key, and so its nonces.
bfx = Client(nonce_file=os.environ.get("BFX_NONCE_FILE", "nonce"))


@worker_process_shutdown.connect
def close(**_):
    bfx.close()


def cid_of(key):
    """Return the client order id of an order: the same at each attempt."""
    digest = hashlib.sha256(key.encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 19  # 45 bits


@app.task(bind=True, max_retries=12, default_retry_delay=5)
def place(self, key, symbol, amount, price):
    """Place a limit order once, however often the task runs; return the order's id."""
    cid = cid_of(key)
    claim = f"order:{cid}"
    now = int(time.time() * 1000)
    if not claims.set(claim, now, nx=True, ex=WEEK_S):
        claimed = int(claims.get(claim) or now)
        return find(self, cid, symbol, since=claimed - MINUTE_MS)
    terms = ("EXCHANGE LIMIT", symbol, amount, price)
    try:
        return bfx.rest.auth.submit_order(*terms, cid=cid).raise_for_status().data.id
    except OutcomeUnknown as unknown:
        # Asks the exchange, which may take a minute and a half.
        return unknown.resolve().id
    except (NotExecuted, RateLimited) as error:
        if not error.retryable:
            raise
        # Proven: it was not executed. So the next attempt may send it.
        claims.delete(claim)
        raise self.retry(exc=error)


def find(task, cid, symbol, since):
    """Return the id of an order that another attempt has sent, or was about to send."""
    auth = bfx.rest.auth
    try:
        orders = [*auth.get_orders(symbol=symbol)]
        orders += auth.get_orders_history(symbol=symbol, start=since, limit=2500)
    except (NetworkError, RateLimited) as error:
        raise task.retry(exc=error)
    for order in orders:
        if order.cid == cid:
            return order.id
    # It may be on its way. After a minute the task fails, and a person looks at the account.
    raise task.retry(exc=LookupError(f"there is no order with the client id {cid}"))
