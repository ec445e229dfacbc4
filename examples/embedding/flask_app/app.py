"""A Flask application; each worker of gunicorn has a client of its own: see gunicorn.conf.py."""

from flask import Flask, jsonify

from bfxsync import Client

# Connects nothing yet, so it may be made before a fork. Hosts and keys are in the environment.
bfx = Client()
app = Flask(__name__)


def start():
    """Subscribe in the background; an exchange that is down keeps no worker from starting."""
    global book
    book = bfx.wss.subscribe_book("tBTCUSD", wait=False).book


@app.get("/price")
def price():
    if book.is_stale:
        return jsonify(error="no current price"), 503
    return jsonify(bid=book.best_bid.price, ask=book.best_ask.price)


@app.get("/livez")
def livez():
    health = bfx.health(stuck_after=60)
    return jsonify(health), 200 if health["is_alive"] else 503


@app.get("/readyz")
def readyz():
    health = bfx.health()
    return jsonify(health), 200 if health["is_ready"] else 503
