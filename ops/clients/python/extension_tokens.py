"""PyJWT on the tokens of MockExtensionJwt."""

import base64
import json
import os
import urllib.parse
import urllib.request

import jwt

from operations import operation, refused

SECRET = base64.b64decode(os.environ["CLIENTS_EXTENSION_SECRET"])


def token(**parameters):
    query = urllib.parse.urlencode({"userId": "1002", **parameters})
    with urllib.request.urlopen(f"{os.environ['CLIENTS_JWT']}/token?{query}", timeout=10) as answer:
        return json.load(answer)["access_token"]


def decode(token, key=SECRET, **options):
    return jwt.decode(token, key, algorithms=["HS256"], **options)


with operation("verify"):
    assert decode(token())
with operation("claims"):
    claims = decode(token(displayName="Ann"))
    assert (claims["user_id"], claims["name"]) == ("1002", "Ann"), claims
with operation("wrong key"):
    with refused(jwt.InvalidSignatureError):
        decode(token(), key=b"another secret of an Extension, also long")
