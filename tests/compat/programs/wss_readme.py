from bfxsync.compat import ClientV1, ClientV2, WssClient  # noqa: F401


def on_message(message):
    print(message)


my_client = WssClient()
my_client.subscribe_to_ticker(symbol="BTCUSD", callback=on_message)
my_client.start()
