// jose on the tokens of MockExtensionJwt.

import assert from 'node:assert/strict';

import { errors, jwtVerify } from 'jose';

import { operation } from './operations.mjs';

const SECRET = Buffer.from(process.env.CLIENTS_EXTENSION_SECRET, 'base64');

async function token(parameters = {}) {
  const query = new URLSearchParams({ userId: '1002', ...parameters });
  const answer = await fetch(`${process.env.CLIENTS_JWT}/token?${query}`);
  return (await answer.json()).access_token;
}

const verify = async (token, key = SECRET, options = {}) =>
  (await jwtVerify(token, key, { algorithms: ['HS256'], ...options })).payload;

await operation('verify', async () => {
  assert.ok(await verify(await token()));
});
await operation('claims', async () => {
  const { user_id, name } = await verify(await token({ displayName: 'Ann' }));
  assert.deepEqual([user_id, name], ['1002', 'Ann']);
});
await operation('wrong key', async () => {
  const key = Buffer.from('another secret of an Extension, also long');
  await assert.rejects(verify(await token(), key), errors.JWSSignatureVerificationFailed);
});
