"""pyTwitchAPI (twitchAPI on PyPI), configured with `base_url` and `auth_base_url`."""

import asyncio

from twitchAPI.eventsub.webhook import EventSubWebhook
from twitchAPI.eventsub.websocket import EventSubWebsocket
from twitchAPI.helper import first
from twitchAPI.oauth import refresh_access_token, revoke_token, validate_token
from twitchAPI.twitch import Twitch
from twitchAPI.type import AuthScope, TwitchResourceNotFound

from operations import (
    ANN, APP, APP_SECRET, BOB, BOT, CALLBACK, HELIX, RECEIVER_PORT, STREAMER, control, forge, handler, next_of, operation,
    refused, say, until,
)

AUTH = f"{HELIX}/oauth2/"


async def connect(*user):
    """The client, with the user's token and scopes if they are given, or else with an app token."""
    twitch = Twitch(APP, APP_SECRET, authenticate_app=False, base_url=f"{HELIX}/helix/", auth_base_url=AUTH)
    if user:
        token, refresh_token, *scopes = user
        await twitch.set_user_authentication(token, scopes, refresh_token)
    else:
        await twitch.authenticate_app([])
    return twitch


async def calls(app):
    with operation("validate"):
        found = await validate_token("anns-token", auth_base_url=AUTH)
        assert (found["client_id"], found["user_id"], found["login"]) == (APP, ANN, "ann"), found
    with operation("refresh"):
        token, refresh_token = await refresh_access_token("anns-other-refresh-token", APP, APP_SECRET, auth_base_url=AUTH)
        assert refresh_token
        assert (await validate_token(token, auth_base_url=AUTH))["user_id"] == ANN
    with operation("revoke"):
        assert await revoke_token(APP, token, auth_base_url=AUTH)
        assert (await validate_token(token, auth_base_url=AUTH))["status"] == 401
    with operation("users"):
        users = [user.login async for user in app.get_users(user_ids=[ANN], logins=["bob"])]
        assert users == ["ann", "bob"], users
    with operation("chat"):
        bot = await connect("bots-token", "bots-refresh-token", AuthScope.USER_WRITE_CHAT)
        said = await bot.send_chat_message(STREAMER, BOT, "Hello")
        assert said.is_sent and said.message_id, said
    with operation("subscribed"):
        ann = await connect("anns-token", "anns-refresh-token", AuthScope.USER_READ_SUBSCRIPTIONS)
        assert (await ann.check_user_subscription(STREAMER, ANN)).tier == "2000"
    with operation("not subscribed"):
        bob = await connect("bobs-token", "bobs-refresh-token", AuthScope.USER_READ_SUBSCRIPTIONS)
        with refused(TwitchResourceNotFound):
            await bob.check_user_subscription(STREAMER, BOB)
    with operation("broadcaster's subscriptions"):
        scope = AuthScope.CHANNEL_READ_SUBSCRIPTIONS
        streamer = await connect("streamers-token", "streamers-refresh-token", scope)
        found = await streamer.get_broadcaster_subscriptions(STREAMER)
        assert (found.total, [one.user_id async for one in found]) == (1, [ANN])
        none = await streamer.get_broadcaster_subscriptions(STREAMER, [BOB])
        assert [one async for one in none] == []
    with operation("five calls in parallel"):
        found = await asyncio.gather(*(first(app.get_users(user_ids=[id])) for id in (STREAMER, ANN, BOB, BOT, ANN)))
        assert [user.id for user in found] == [STREAMER, ANN, BOB, BOT, ANN]


async def webhook(app):
    heard, revoked = asyncio.Queue(), asyncio.Queue()
    receiver = EventSubWebhook(
        CALLBACK, RECEIVER_PORT, app, host_binding="127.0.0.1", revocation_handler=handler(revoked),
    )
    receiver.start()
    listed = lambda: app.get_eventsub_subscriptions()
    try:
        with operation("create"):
            receiver.wait_for_subscription_confirm = False
            unconfirmed = await receiver.listen_channel_update_v2(STREAMER, handler(heard))
            assert unconfirmed
        with operation("challenge"):
            receiver.wait_for_subscription_confirm = True
            # Returns once the challenge has arrived.
            id = await receiver.listen_channel_chat_message(STREAMER, BOT, handler(heard))

            async def is_enabled():
                return [one.status for one in (await listed()).data if one.id == id] == ["enabled"]

            await until(is_enabled)
        with operation("list"):
            found = await listed()
            assert {one.id for one in found.data} == {unconfirmed, id} and found.total == 2
        with operation("notification"):
            await say("Hello, bot")
            event = (await next_of(heard)).event
            assert (event.chatter_user_id, event.message.text) == (ANN, "Hello, bot"), event.to_dict()
        with operation("forgery refused"):
            await forge("Nobody said this")
            await say("Hello again")
            assert (await next_of(heard)).event.message.text == "Hello again"
        with operation("delete"):
            assert await receiver.unsubscribe_topic(id)
            assert [one.id for one in (await listed()).data] == [unconfirmed]
        with operation("revocation"):
            await control("/eventsub/revoke", {"id": unconfirmed, "status": "authorization_revoked"})
            assert (await next_of(revoked))["subscription"]["id"] == unconfirmed
    finally:
        await receiver.stop()


async def websocket():
    heard = asyncio.Queue()
    bot = await connect("bots-token", "bots-refresh-token", AuthScope.USER_READ_CHAT)
    address = {"connection_url": f"{HELIX.replace('http', 'ws', 1)}/ws", "subscription_url": f"{HELIX}/helix/"}
    receiver = EventSubWebsocket(bot, **address)
    receiver.start()
    try:
        with operation("WebSocket: notification"):
            await receiver.listen_channel_chat_message(STREAMER, BOT, handler(heard))
            await say("Hello, socket")
            assert (await next_of(heard)).event.message.text == "Hello, socket"
        with operation("WebSocket: reconnect"):
            before = receiver.active_session.id
            await control(f"/admin/websockets/{before}/reconnect", {})
            await say("Hello again")
            assert (await next_of(heard)).event.message.text == "Hello again"
    finally:
        await receiver.stop()


async def main():
    with operation("app token"):
        app = await connect()
        assert (await validate_token(app.get_app_token(), auth_base_url=AUTH))["client_id"] == APP
    await calls(app)
    await webhook(app)
    await websocket()


asyncio.run(main())
