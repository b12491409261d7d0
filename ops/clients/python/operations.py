"""What the Python clients share: where the stand-ins are, who is in their world, and the report of each operation."""

import asyncio
import contextlib
import json
import os
import urllib.request

HELIX = os.environ["CLIENTS_HELIX"]
# The stand-in calls this host at the receiver's port.
CALLBACK = os.environ["CLIENTS_CALLBACK"]
RECEIVER_PORT = int(os.environ["CLIENTS_RECEIVER_PORT"])
APP, APP_SECRET = "app", "app-secret"
STREAMER, ANN, BOB, BOT = "1001", "1002", "1003", "1004"
SECONDS = 10


@contextlib.contextmanager
def operation(name):
    """Reports whether the block succeeds, and goes on either way."""
    try:
        yield
    except Exception as error:
        print(f"FAILED\t{name}\t{type(error).__name__}: {error}".replace("\n", " "), flush=True)
    else:
        print(f"ok\t{name}", flush=True)


@contextlib.contextmanager
def refused(kind, **attributes):
    """Requires an exception of this kind with these attributes."""
    try:
        yield
    except kind as error:
        assert {name: getattr(error, name) for name in attributes} == attributes, error
        return
    raise AssertionError("it was accepted")


async def control(path, body):
    """Posts to the stand-in's own interface; returns the answer."""
    request = urllib.request.Request(HELIX + path, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def post():
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)

    return await asyncio.to_thread(post)


async def until(condition):
    """Waits until the asynchronous condition holds; returns its value."""
    async with asyncio.timeout(SECONDS):
        while not (value := await condition()):
            await asyncio.sleep(0.02)
        return value


async def next_of(queue):
    """The next element of a queue."""
    async with asyncio.timeout(SECONDS):
        return await queue.get()
