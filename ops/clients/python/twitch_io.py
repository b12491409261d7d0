"""TwitchIO, whose addresses are the class attributes `Route.BASE` and `Route.ID_BASE`."""

import asyncio

import twitchio
from twitchio import eventsub
from twitchio.authentication import OAuth
from twitchio.exceptions import HTTPException
from twitchio.http import Route
from twitchio.web import AiohttpAdapter

from operations import (
    ANN, APP, APP_SECRET, BOB, BOT, CALLBACK, HELIX, RECEIVER_PORT, STREAMER, control, forge, next_of, operation, refused,
    say, until,
)

Route.BASE, Route.ID_BASE = f"{HELIX}/helix/", f"{HELIX}/"


class Client(twitchio.Client):
    def __init__(self):
        adapter = AiohttpAdapter(
            host="127.0.0.1", port=RECEIVER_PORT, domain=CALLBACK, eventsub_secret="the secret of the bot",
        )
        super().__init__(client_id=APP, client_secret=APP_SECRET, bot_id=BOT, adapter=adapter)
        self.heard, self.revoked = asyncio.Queue(), asyncio.Queue()

    async def event_message(self, payload):
        await self.heard.put(payload)

    async def event_subscription_revoked(self, payload):
        await self.revoked.put(payload)


async def tokens(oauth):
    with operation("validate"):
        found = await oauth.validate_token("anns-token")
        assert (found.client_id, found.user_id, found.login) == (APP, ANN, "ann")
    with operation("refresh"):
        renewed = await oauth.refresh_token("anns-other-refresh-token")
        assert renewed.refresh_token
        assert (await oauth.validate_token(renewed.access_token)).user_id == ANN
    with operation("revoke"):
        # Twitch's answer has no body; TwitchIO revokes the token, and then complains about that.
        with refused(HTTPException, status=500):
            await oauth.revoke_token(renewed.access_token)
        with refused(HTTPException, status=401):
            await oauth.validate_token(renewed.access_token)
    await oauth.close()


async def calls(client):
    streamer, ann, bob = (client.create_partialuser(id) for id in (STREAMER, ANN, BOB))
    await tokens(OAuth(client_id=APP, client_secret=APP_SECRET))
    for name in ("streamer", "ann", "bob", "bot"):
        await client.add_token(f"{name}s-token", f"{name}s-refresh-token")
    with operation("users"):
        users = await client.fetch_users(ids=[ANN], logins=["bob"])
        assert [user.name for user in users] == ["ann", "bob"], users
    with operation("chat"):
        said = await streamer.send_message("Hello", BOT, token_for=BOT)
        assert said.sent and said.id, said
    with operation("subscribed"):
        assert (await ann.fetch_subscription(streamer)).tier == "2000"
    with operation("not subscribed"):
        assert await bob.fetch_subscription(streamer) is None
    with operation("broadcaster's subscriptions"):
        found = await streamer.fetch_broadcaster_subscriptions()
        assert (found.total, [one.user.id async for one in found.subscriptions]) == (1, [ANN])
        none = await streamer.fetch_broadcaster_subscriptions(user_ids=[BOB])
        assert [one async for one in none.subscriptions] == []
    with operation("five calls in parallel"):
        found = await asyncio.gather(*(client.fetch_user(id=id) for id in (STREAMER, ANN, BOB, BOT, ANN)))
        assert [user.id for user in found] == [STREAMER, ANN, BOB, BOT, ANN]


async def webhook(client):
    wanted = eventsub.ChatMessageSubscription(broadcaster_user_id=STREAMER, user_id=BOT)

    async def subscribe():
        return (await client.subscribe_webhook(wanted))["data"][0]["id"]

    async def is_enabled(id):
        return (await client.fetch_eventsub_subscription(id)).status == "enabled"

    with operation("create"):
        id = await subscribe()
    with operation("challenge"):
        await until(lambda: is_enabled(id))
    with operation("list"):
        found = await client.fetch_eventsub_subscriptions()
        assert ([one.id async for one in found.subscriptions], found.total) == ([id], 1)
    with operation("notification"):
        await say("Hello, bot")
        heard = await next_of(client.heard)
        assert (heard.chatter.id, heard.text) == (ANN, "Hello, bot"), heard
    with operation("forgery refused"):
        await forge("Nobody said this")
        await say("Hello again")
        assert (await next_of(client.heard)).text == "Hello again"
    with operation("delete"):
        await client.delete_eventsub_subscription(id)
        assert await client.fetch_eventsub_subscription(id) is None
    with operation("revocation"):
        id = await subscribe()
        await until(lambda: is_enabled(id))
        await control("/eventsub/revoke", {"id": id, "status": "authorization_revoked"})
        assert (await next_of(client.revoked)).id == id


async def main():
    client = Client()
    running = asyncio.create_task(client.start(load_tokens=False, save_tokens=False))
    with operation("app token"):
        # Gets the token, and its user by it.
        async with asyncio.timeout(10):
            await client.wait_until_ready()
        assert client.user.name == "bot"
    await calls(client)
    await webhook(client)
    await client.close()
    await running


asyncio.run(main())
