// What the JavaScript clients share: where the stand-ins are, who is in their world, and the report of each operation.

import { setTimeout as sleep } from 'node:timers/promises';

export const HELIX = process.env.CLIENTS_HELIX;
export const CALLBACK = new URL(process.env.CLIENTS_CALLBACK);
export const RECEIVER_PORT = Number(process.env.CLIENTS_RECEIVER_PORT);
export const [APP, APP_SECRET] = ['app', 'app-secret'];
export const [STREAMER, ANN, BOB, BOT] = ['1001', '1002', '1003', '1004'];
const MILLISECONDS = 10_000;

/** Reports whether `act` succeeds; returns its value, and goes on either way. */
export async function operation(name, act) {
  try {
    const value = await act();
    console.log(`ok\t${name}`);
    return value;
  } catch (error) {
    console.log(`FAILED\t${name}\t${error.name}: ${error.message.replaceAll('\n', ' ')}`);
  }
}

/** Calls the stand-in's own interface: with POST if there is a body; returns the answer. */
export async function control(path, body) {
  const answer = await fetch(HELIX + path, body && { method: 'POST', body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

/** Lets Ann say something in the streamer's chat. */
export const say = (text, more = {}) =>
  control('/admin/chat', { broadcaster_id: STREAMER, user_id: ANN, text, ...more });

/** The same with a wrong signature. Requires that the receiver refuses it. */
export async function forge(text) {
  const { deliveries: [{ message_id: id }] } = await say(text, { hostile: 'bad_signature' });
  const { deliveries: [{ outcome, status }] } = await control(`/admin/deliveries?message_id=${id}&count=1&wait_seconds=10`);
  if (outcome !== 'refused' || status < 400 || status > 499) throw new Error(`a forgery was ${outcome}: ${status}`);
}

/** Waits until the asynchronous condition holds; returns its value. */
export async function until(condition) {
  for (const end = Date.now() + MILLISECONDS; Date.now() < end; await sleep(20)) {
    const value = await condition();
    if (value) return value;
  }
  throw new Error(`it did not become true: ${condition}`);
}

/** The values that a handler is called with, in order. */
export class Queue {
  #values = [];

  put = value => void this.#values.push(value);

  next = () => until(() => this.#values.shift());

  get isEmpty() {
    return this.#values.length === 0;
  }
}
