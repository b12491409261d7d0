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


async def control(path, body=None):
    """Calls the stand-in's own interface: with POST if there is a body; returns the answer."""
    def call():
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(HELIX + path, data, timeout=SECONDS) as answer:
            return json.load(answer)

    return await asyncio.to_thread(call)


async def say(text, **more):
    """Lets Ann say something in the streamer's chat."""
    return await control("/admin/chat", {"broadcaster_id": STREAMER, "user_id": ANN, "text": text, **more})


async def forge(text):
    """The same with a wrong signature. Requires that the receiver refuses it."""
    sent = (await say(text, hostile="bad_signature"))["deliveries"][0]["message_id"]
    answer = await control(f"/admin/deliveries?message_id={sent}&count=1&wait_seconds={SECONDS}")
    delivered = answer["deliveries"][0]
    assert delivered["outcome"] == "refused" and 400 <= delivered["status"] < 500, delivered


async def until(condition):
    """Waits until the asynchronous condition holds; returns its value."""
    async with asyncio.timeout(SECONDS):
        while not (value := await condition()):
            await asyncio.sleep(0.02)
        return value


def handler(queue):
    """A handler that puts what it gets into the queue, from whatever thread it is called."""
    loop = asyncio.get_running_loop()

    async def put(value):
        loop.call_soon_threadsafe(queue.put_nowait, value)

    return put


async def next_of(queue):
    """The next element of a queue."""
    async with asyncio.timeout(SECONDS):
        return await queue.get()
