// twurple, configured with TWURPLE_MOCK_API_PORT, which `run.py` sets.

import assert from 'node:assert/strict';

import { ApiClient } from '@twurple/api';
import { RefreshingAuthProvider, getAppToken, getTokenInfo, refreshUserToken, revokeToken } from '@twurple/auth';
import { EventSubHttpListener, ReverseProxyAdapter } from '@twurple/eventsub-http';
import { EventSubWsListener } from '@twurple/eventsub-ws';

import {
  ANN, APP, APP_SECRET, BOB, BOT, CALLBACK, Queue, RECEIVER_PORT, STREAMER, control, forge, operation, say,
  until,
} from './operations.mjs';

const authProvider = new RefreshingAuthProvider({ clientId: APP, clientSecret: APP_SECRET });
const api = new ApiClient({ authProvider, logger: { minLevel: 'critical' } });

await operation('app token', async () => {
  const { accessToken } = await getAppToken(APP, APP_SECRET);
  assert.equal((await getTokenInfo(accessToken)).clientId, APP);
});
await operation('validate', async () => {
  const { clientId, userId, userName } = await getTokenInfo('anns-token');
  assert.deepEqual([clientId, userId, userName], [APP, ANN, 'ann']);
});
const renewed = await operation('refresh', async () => {
  const token = await refreshUserToken(APP, APP_SECRET, 'anns-other-refresh-token');
  assert.ok(token.refreshToken);
  assert.equal((await getTokenInfo(token.accessToken)).userId, ANN);
  return token;
});
await operation('revoke', async () => {
  await revokeToken(APP, renewed.accessToken);
  await assert.rejects(getTokenInfo(renewed.accessToken), { name: 'InvalidTokenError' });
});
for (const name of ['streamer', 'ann', 'bob', 'bot']) {
  const expiry = { expiresIn: 14_000, obtainmentTimestamp: Date.now() };
  await authProvider.addUserForToken({ accessToken: `${name}s-token`, refreshToken: `${name}s-refresh-token`, ...expiry });
}
await operation('users', async () => {
  assert.equal((await api.users.getUserById(ANN)).name, 'ann');
  assert.equal((await api.users.getUserByName('bob')).id, BOB);
});
await operation('chat', async () => {
  const said = await api.asUser(BOT, bot => bot.chat.sendChatMessage(STREAMER, 'Hello'));
  assert.ok(said.isSent && said.id);
});
await operation('subscribed', async () => {
  assert.equal((await api.subscriptions.checkUserSubscription(ANN, STREAMER)).tier, '2000');
});
await operation('not subscribed', async () => {
  assert.equal(await api.subscriptions.checkUserSubscription(BOB, STREAMER), null);
});
await operation("broadcaster's subscriptions", async () => {
  const { data, total } = await api.subscriptions.getSubscriptions(STREAMER);
  assert.deepEqual([data.map(one => one.userId), total], [[ANN], 1]);
  assert.equal(await api.subscriptions.getSubscriptionForUser(STREAMER, BOB), null);
});
await operation('five calls in parallel', async () => {
  const wanted = [STREAMER, ANN, BOB, BOT, ANN];
  const users = await Promise.all(wanted.map(id => api.users.getUserById(id)));
  assert.deepEqual(users.map(user => user.id), wanted);
});

const listener = new EventSubHttpListener({
  apiClient: api,
  adapter: new ReverseProxyAdapter({ hostName: CALLBACK.hostname, port: RECEIVER_PORT }),
  secret: 'the secret of the bot',
  logger: { minLevel: 'critical' },
});
const [created, verified, heard, revoked] = [new Queue(), new Queue(), new Queue(), new Queue()];
listener.onSubscriptionCreateSuccess((_, subscription) => created.put(subscription));
listener.onVerify((success, subscription) => verified.put({ success, subscription }));
listener.onRevoke((_, status) => revoked.put(status));
listener.start();
const subscribe = () => listener.onChannelChatMessage(STREAMER, BOT, heard.put);
const listed = () => api.eventSub.getSubscriptions();

const subscription = subscribe();
const { id } = await operation('create', created.next) ?? {};
await operation('challenge', async () => {
  assert.ok((await verified.next()).success);
  await until(async () => (await listed()).data[0].status === 'enabled');
});
await operation('list', async () => {
  const { data, total } = await listed();
  assert.deepEqual([data.map(one => one.id), total], [[id], 1]);
});
await operation('notification', async () => {
  await say('Hello, bot');
  const event = await heard.next();
  assert.deepEqual([event.chatterId, event.messageText], [ANN, 'Hello, bot']);
});
await operation('forgery refused', async () => {
  await forge('Nobody said this');
  await say('Hello again');
  assert.equal((await heard.next()).messageText, 'Hello again');
});
await operation('delete', async () => {
  subscription.stop();
  await until(async () => (await listed()).total === 0);
});
await operation('revocation', async () => {
  subscribe();
  const { id } = await created.next();
  await until(async () => (await listed()).data[0].status === 'enabled');
  await control('/eventsub/revoke', { id, status: 'authorization_revoked' });
  assert.equal(await revoked.next(), 'authorization_revoked');
});
listener.stop();

const socket = new EventSubWsListener({ apiClient: api, logger: { minLevel: 'critical' } });
socket.onSubscriptionCreateSuccess((_, subscription) => created.put(subscription));
socket.onChannelChatMessage(STREAMER, BOT, heard.put);
socket.start();
await operation('WebSocket: notification', async () => {
  await created.next();
  await say('Hello, socket');
  assert.equal((await heard.next()).messageText, 'Hello, socket');
});
await operation('WebSocket: reconnect', async () => {
  const [{ id }] = await control('/admin/websockets');
  await control(`/admin/websockets/${id}/reconnect`, {});
  await say('Hello again');
  assert.equal((await heard.next()).messageText, 'Hello again');
});
socket.stop();
// After a reconnect, a timer of twurple goes on.
process.exit();
