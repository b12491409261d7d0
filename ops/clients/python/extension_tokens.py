"""PyJWT on the tokens of MockExtensionJwt."""

import base64
import json
import os
import urllib.parse
import urllib.request

import jwt

from operations import operation, refused

SECRET = base64.b64decode(os.environ["CLIENTS_EXTENSION_SECRET"])
EXTENSION = "extension"
REFUSED = {
    "expired": jwt.ExpiredSignatureError,
    "no_expiry": jwt.MissingRequiredClaimError,
    "not_yet_valid": jwt.ImmatureSignatureError,
    "wrong_audience": jwt.InvalidAudienceError,
    "wrong_key": jwt.InvalidSignatureError,
    "key_not_decoded": jwt.InvalidSignatureError,
    "alg_none": jwt.InvalidAlgorithmError,
    "changed": jwt.InvalidSignatureError,
}


def token(**parameters):
    query = urllib.parse.urlencode({"userId": "1002", **parameters})
    with urllib.request.urlopen(f"{os.environ['CLIENTS_JWT']}/token?{query}", timeout=10) as answer:
        return json.load(answer)["access_token"]


def decode(token, **options):
    return jwt.decode(token, SECRET, algorithms=["HS256"], options={"require": ["exp"]}, **options)


with operation("verify"):
    assert decode(token(), audience=EXTENSION)["user_id"] == "1002"
with operation("claims"):
    claims = decode(token(role="viewer", channel_id="1001"))
    assert (claims["user_id"], claims["channel_id"], claims["role"]) == ("1002", "1001", "viewer"), claims
    assert claims["opaque_user_id"] == "U1002" and claims["is_unlinked"] is False, claims
    assert claims["pubsub_perms"]["listen"] == ["broadcast", "whisper-U1002", "global"], claims
with operation("unlinked viewer"):
    assert "user_id" not in decode(token(is_unlinked="true"))
for flaw, error in REFUSED.items():
    with operation(f"refused: {flaw}"), refused(error):
        decode(token(flaw=flaw), audience=EXTENSION)
