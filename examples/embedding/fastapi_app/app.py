"""A FastAPI application: the endpoints are plain functions, which run on threads."""

import asyncio
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Response

from bfxsync import Client

bfx = Client()


@asynccontextmanager
async def lifespan(app):
    # wait=False, as nothing may block the event loop.
    app.state.book = bfx.wss.subscribe_book("tBTCUSD", wait=False).book
    yield
    await asyncio.to_thread(bfx.close)


app = FastAPI(lifespan=lifespan)


@app.get("/price")
def price():
    book = app.state.book
    if book.is_stale:
        raise HTTPException(503, "no current price")
    return {"bid": book.best_bid.price, "ask": book.best_ask.price}


@app.get("/volume")
def volume():
    # A call that waits: in a def endpoint it blocks one thread, not the event loop.
    return {"volume": bfx.rest.public.get_t_ticker("tBTCUSD").volume}


@app.get("/readyz")
def readyz(response: Response):
    health = bfx.health()
    response.status_code = 200 if health["is_ready"] else 503
    return health
