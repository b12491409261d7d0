// jose on the tokens of MockExtensionJwt.

import assert from 'node:assert/strict';

import { jwtVerify } from 'jose';

import { operation } from './operations.mjs';

const SECRET = Buffer.from(process.env.CLIENTS_EXTENSION_SECRET, 'base64');
const EXTENSION = 'extension';
const REFUSED = {
  expired: { code: 'ERR_JWT_EXPIRED' },
  no_expiry: { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED', claim: 'exp', reason: 'missing' },
  not_yet_valid: { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED', claim: 'nbf', reason: 'check_failed' },
  wrong_audience: { code: 'ERR_JWT_CLAIM_VALIDATION_FAILED', claim: 'aud', reason: 'check_failed' },
  wrong_key: { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' },
  key_not_decoded: { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' },
  alg_none: { code: 'ERR_JOSE_ALG_NOT_ALLOWED' },
  changed: { code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' },
};

async function token(parameters = {}) {
  const query = new URLSearchParams({ userId: '1002', ...parameters });
  const answer = await fetch(`${process.env.CLIENTS_JWT}/token?${query}`);
  return (await answer.json()).access_token;
}

async function verify(token, options = {}) {
  const { payload } = await jwtVerify(token, SECRET, { algorithms: ['HS256'], requiredClaims: ['exp'], ...options });
  return payload;
}

await operation('verify', async () => {
  assert.equal((await verify(await token(), { audience: EXTENSION })).user_id, '1002');
});
await operation('claims', async () => {
  const claims = await verify(await token({ role: 'viewer', channel_id: '1001' }));
  const { user_id, channel_id, role, opaque_user_id, is_unlinked, pubsub_perms } = claims;
  const got = [user_id, channel_id, role, opaque_user_id, is_unlinked];
  assert.deepEqual(got, ['1002', '1001', 'viewer', 'U1002', false]);
  assert.deepEqual(pubsub_perms.listen, ['broadcast', 'whisper-U1002', 'global']);
});
await operation('unlinked viewer', async () => {
  assert.equal((await verify(await token({ is_unlinked: 'true' }))).user_id, undefined);
});
for (const [flaw, error] of Object.entries(REFUSED)) {
  await operation(`refused: ${flaw}`, async () => {
    const flawed = await token({ flaw });
    await assert.rejects(verify(flawed, { audience: EXTENSION }), error);
  });
}
