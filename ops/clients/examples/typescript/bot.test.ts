// A bot that answers !hello, and a test of it against the stand-in for Twitch: `node --test --test-force-exit bot.test.ts`,
// with `--import tsx` for Node before 22.18.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';

import { ApiClient } from '@twurple/api';
import { AppTokenAuthProvider } from '@twurple/auth';
import { EventSubHttpListener, ReverseProxyAdapter } from '@twurple/eventsub-http';

const [STREAMER, ANN, BOT] = ['1001', '1002', '1004'];

function startBot() {
  const apiClient = new ApiClient({ authProvider: new AppTokenAuthProvider('app', 'app-secret') });
  const adapter = new ReverseProxyAdapter({ hostName: 'bot.test', port: 7001 });
  const listener = new EventSubHttpListener({ apiClient, adapter, secret: 'a secret of the bot' });
  listener.onChannelChatMessage(STREAMER, BOT, async said => {
    if (said.messageText === '!hello') {
      await apiClient.chat.sendChatMessageAsApp(BOT, STREAMER, `Hello, ${said.chatterDisplayName}!`);
    }
  });
  listener.start();
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

test('the bot greets', async t => {
  const { mocks, address } = await startMocks();
  t.after(() => mocks.kill());
  const call = async (path: string, body?: object) => {
    const answer = await fetch(address + path, body && { method: 'POST', body: JSON.stringify(body) });
    assert.ok(answer.ok, `${path}: ${answer.status}`);
    return answer.json();
  };
  startBot();
  await call('/admin/deliveries?message_type=webhook_callback_verification&count=1&wait_seconds=10');
  await call('/admin/chat', { broadcaster_id: STREAMER, user_id: ANN, text: '!hello' });
  await call('/requests/wait?path=/mock/chat/messages&count=1');
  assert.deepEqual((await call('/sent')).messages, ['Hello, Ann!']);
});
