"""gunicorn app:app, in this folder."""

worker_class = "gthread"
# Each has connections of its own: 15 may be opened per minute and address.
workers = 2
threads = 8
# Saves the memory of the imports. Nothing is connected before the fork.
preload_app = True
graceful_timeout = 10


def post_worker_init(worker):
    # In each worker, after the fork; after a reload (HUP) in the new ones.
    import app

    app.start()


def worker_exit(server, worker):
    # After the last request: SIGTERM and HUP are graceful.
    import app

    app.bfx.close()
