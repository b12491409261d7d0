"""A bot that answers !hello, and a test of it against the stand-in for Twitch: `pytest test_bot.py`."""

import asyncio
import json
import subprocess
import urllib.request

import pytest
from twitchAPI.eventsub.webhook import EventSubWebhook
from twitchAPI.twitch import Twitch
from twitchAPI.type import AuthScope

STREAMER, ANN, BOT = "1001", "1002", "1004"


async def start_bot(address):
    twitch = await Twitch(
        "app", "app-secret", target_app_auth_scope=[AuthScope.USER_WRITE_CHAT],
        base_url=f"{address}/helix/", auth_base_url=f"{address}/oauth2/",
    )
    webhook = EventSubWebhook("https://bot.test", 7001, twitch, host_binding="127.0.0.1")

    async def on_message(notification):
        said = notification.event
        if said.message.text == "!hello":
            await twitch.send_chat_message(STREAMER, BOT, f"Hello, {said.chatter_user_name}!")

    webhook.start()
    await webhook.listen_channel_chat_message(STREAMER, BOT, on_message)
    return webhook


@pytest.fixture
def address():
    command = ["mgm", "mocks", "--json", "--auto-ports", "--fixture", "../world.toml"]
    mocks = subprocess.Popen(command, stdout=subprocess.PIPE)
    ready = json.loads(mocks.stdout.readline())
    yield next(service["url"] for service in ready["services"] if service["name"] == "mock-helix")
    mocks.terminate()
    mocks.wait()


def call(address, body=None):
    with urllib.request.urlopen(address, body and json.dumps(body).encode(), timeout=30) as answer:
        return json.load(answer)


def test_the_bot_greets(address):
    async def conversation():
        bot = await start_bot(address)
        try:
            call(f"{address}/admin/deliveries?message_type=webhook_callback_verification&count=1&wait_seconds=10")
            call(f"{address}/admin/chat", {"broadcaster_id": STREAMER, "user_id": ANN, "text": "!hello"})
            call(f"{address}/requests/wait?path=/helix/chat/messages&count=1")
            assert call(f"{address}/sent")["messages"] == ["Hello, Ann!"]
        finally:
            await bot.stop()

    asyncio.run(conversation())
