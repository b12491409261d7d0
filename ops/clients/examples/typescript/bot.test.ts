// A bot that answers !hello, and a test of it against the stand-in for Twitch. With Node 22.18 or newer
// `node --test bot.test.ts`, with an older one `node --import tsx --test bot.test.ts`.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import { ApiClient } from '@twurple/api';
import { AppTokenAuthProvider } from '@twurple/auth';
import { EventSubHttpListener, ReverseProxyAdapter } from '@twurple/eventsub-http';

const [STREAMER, ANN, BOT] = ['1001', '1002', '1004'];

function startBot(): EventSubHttpListener {
  const apiClient = new ApiClient({ authProvider: new AppTokenAuthProvider('app', 'app-secret') });
  const adapter = new ReverseProxyAdapter({ hostName: 'bot.test', port: 7001 });
  const listener = new EventSubHttpListener({ apiClient, adapter, secret: 'a secret of the bot' });
  listener.onChannelChatMessage(STREAMER, BOT, async said => {
    if (said.messageText === '!hello') {
      await apiClient.chat.sendChatMessageAsApp(BOT, STREAMER, `Hello, ${said.chatterDisplayName}!`);
    }
  });
  listener.start();
  return listener;
}

async function startMocks() {
  const args = ['mocks', '--json', '--auto-ports', '--fixture', '../world.toml'];
  const mocks = spawn('mgm', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [ready] = await once(createInterface(mocks.stdout), 'line');
  const { services, variables } = JSON.parse(ready);
  // Among them is TWURPLE_MOCK_API_PORT.
  Object.assign(process.env, variables);
  return { mocks, address: services.find((service: { name: string }) => service.name === 'mock-helix').url };
}

test('the bot greets', async () => {
  const { mocks, address } = await startMocks();
  const bot = startBot();
  await fetch(`${address}/admin/deliveries?message_type=webhook_callback_verification&count=1&wait_seconds=10`);
  const body = JSON.stringify({ broadcaster_id: STREAMER, user_id: ANN, text: '!hello' });
  await fetch(`${address}/admin/chat`, { method: 'POST', body });
  await fetch(`${address}/requests/wait?path=/mock/chat/messages&count=1`);
  const sent = await (await fetch(`${address}/sent`)).json();
  assert.deepEqual(sent.messages, ['Hello, Ann!']);
  bot.stop();
  mocks.kill();
});
