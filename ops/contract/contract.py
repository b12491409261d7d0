"""Checks a running backend against the OpenAPI document that it serves. See `run` beside this file."""

import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid

import jsonschema
import openapi_spec_validator
import requests

HERE = pathlib.Path(__file__).parent
DOCUMENT = "/openapi/v1.json"
# The Tier B profile, the default of the stack.
KEY, SECRET, BROADCASTER = "ci-desktop-api-key", "e2e-ci-eventsub-secret", "e2e-ci-broadcaster"
SETTINGS = {
    # No request hits a rate limit ...
    "RateLimits__ViewerWritesPerMinute": "1000000",
    "RateLimits__ViewerReadsPerMinute": "1000000",
    "RateLimits__AddressPerMinute": "1000000",
    # ... and there is nearly always a candidate.
    "Roulette__CycleSeconds": "20",
    "Roulette__CollectingSeconds": "2",
    "Roulette__SpinningSeconds": "2",
    "Roulette__GraceSeconds": "18",
    # The gift being served waits for any call.
    "Gifts__SelectSeconds": "3600",
    "Gifts__ConfirmSeconds": "3600",
}
VIEWERS = 60


@contextlib.contextmanager
def stack(mgm, directory, metrics):
    """Runs a stack for the duration of the context; yields its ports, and serves the metrics on one more."""
    command = [mgm, "up", "--json", "--auto-ports", "--fresh", "--state-dir", directory]
    environment = {**os.environ, **SETTINGS, "Mgm__MetricsUrls": f"http://127.0.0.1:{metrics}"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        ready = process.stdout.readline()
        if not ready:
            sys.exit(f"the stack did not start: mgm ended with status {process.wait()}")
        yield {service["name"]: service["port"] for service in json.loads(ready)["services"]}
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def letters(number):
    """A character name that is unique to the number."""
    return "Contract" + "".join(chr(ord("a") + int(digit)) for digit in f"{number:03}")


def chat(backend, viewer, text):
    """Delivers a chat message as Twitch does."""
    message, timestamp = str(uuid.uuid4()), str(int(time.time()))
    event = {
        "broadcaster_user_id": BROADCASTER, "chatter_user_id": viewer, "message_id": message,
        "message": {"text": text}, "badges": [{"set_id": "subscriber"}],
    }
    body = json.dumps({"subscription": {"type": "channel.chat.message"}, "event": event}).encode()
    signature = hmac.new(SECRET.encode(), (message + timestamp).encode() + body, hashlib.sha256).hexdigest()
    headers = {
        "Twitch-Eventsub-Message-Id": message, "Twitch-Eventsub-Message-Timestamp": timestamp,
        "Twitch-Eventsub-Message-Signature": f"sha256={signature}", "Twitch-Eventsub-Message-Type": "notification",
    }
    requests.post(f"{backend}/api/twitch/eventsub", data=body, headers=headers, timeout=30).raise_for_status()


def furnish(backend, helix):
    """Some data of every kind: members of the pool, payouts in several states, an announcement that is unknown, gifts."""
    def call(method, path, body):
        answer = requests.request(method, backend + path, json=body, headers={"X-MGM-ApiKey": KEY}, timeout=30)
        answer.raise_for_status()
        return answer.json()

    for number in range(VIEWERS):
        chat(backend, f"contract-{number}", f"!twgold {letters(number)}")
        # The viewer whose token is used requests a gift through the route.
        if number < VIEWERS - 1:
            chat(backend, f"contract-{number}", f"!twgift {letters(number)}")
    # The document's example is about this viewer.
    chat(backend, "e2e-viewer-1", "!twgold Etoehero")
    requests.post(f"{helix}/faults", json=[{"kind": "reply_lost", "times": 8}], timeout=30).raise_for_status()
    for number in range(20):
        viewer = f"contract-{number}"
        payout = call("POST", "/api/e2e/prepare-pending-payout", {"twitchUserId": viewer})["payoutId"]
        if number < 8:
            for status in ("InProgress", "Sent"):
                call("PATCH", f"/api/payouts/{payout}/status", {"status": status})
    # The viewer whose token is used has a payout to look at.
    call("POST", "/api/e2e/prepare-pending-payout", {"twitchUserId": "contract-59"})


def check_document(document):
    """Checks the document with an independent validator, and every example against its schema."""
    openapi_spec_validator.validate(document)
    checked = 0

    def examples(node):
        nonlocal checked
        if isinstance(node, dict):
            schema, beside = (node["schema"], node) if "schema" in node else (node, node)
            given = [beside["example"]] if "example" in beside else []
            listed = beside.get("examples", [])
            given += [one["value"] for one in listed.values()] if isinstance(listed, dict) else listed
            for example in given:
                rooted = {**schema, "components": document["components"]}
                jsonschema.Draft202012Validator(rooted).validate(example)
                checked += 1
            for key, member in node.items():
                if key not in ("example", "examples"):
                    examples(member)
        elif isinstance(node, list):
            for member in node:
                examples(member)

    examples(document)
    assert checked > 20, f"only {checked} examples were found"
    return checked


def main(mgm):
    with tempfile.TemporaryDirectory(prefix="mgm-contract-") as directory:
        # PostgreSQL runs as another user if we are root.
        os.chmod(directory, 0o755)
        metrics = free_port()
        with stack(mgm, directory, metrics) as ports:
            backend, helix, jwt = (f"http://127.0.0.1:{ports[name]}" for name in ("backend", "mock-helix", "mock-jwt"))
            document = requests.get(backend + DOCUMENT, timeout=30).json()
            print(f"the document is valid, with its {check_document(document)} examples")
            furnish(backend, helix)
            token = requests.get(f"{jwt}/token", params={"userId": "contract-59"}, timeout=30).json()["access_token"]
            answers = pathlib.Path(directory, "answers.json")
            environment = {
                **os.environ, "CONTRACT_BACKEND": backend, "CONTRACT_DESKTOP_KEY": KEY, "CONTRACT_VIEWER_TOKEN": token,
                "CONTRACT_EVENTSUB_SECRET": SECRET, "CONTRACT_ANSWERS": str(answers),
                "CONTRACT_BROADCASTER": BROADCASTER, "PYTHONPATH": str(HERE),
            }
            program = pathlib.Path(sys.executable).with_name("schemathesis")
            arguments = ["--config-file", str(HERE / "schemathesis.toml"), "run", backend + DOCUMENT]
            status = subprocess.run([program, *arguments], env=environment, cwd=directory, timeout=900).returncode
            status = report(document, json.loads(answers.read_text())) or status
            check_metrics(requests.get(f"http://127.0.0.1:{metrics}/metrics", timeout=30).text)
    sys.exit(status)


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def check_metrics(text):
    """Checks the metrics after all calls: well formed, with conventional names and descriptions."""
    if shutil.which("promtool") is None:
        print("NOT CHECKED: metrics; promtool is not installed")
    else:
        subprocess.run(["promtool", "check", "metrics"], input=text, text=True, check=True)
        print(f"the metrics are well formed: {len(text.splitlines())} lines")


def report(document, answers):
    """Prints the answers by operation; fails if an operation never succeeded."""
    missing = 0
    for path, item in document["paths"].items():
        # Schemathesis does not call the document's own address, from which it was read.
        for method in item if path != DOCUMENT else ():
            label = f"{method.upper()} {path}"
            counts = answers.get(label, {})
            shown = ", ".join(f"{count} x {status}" for status, count in sorted(counts.items()))
            succeeded = any(status.startswith("2") for status in counts)
            missing += not succeeded
            print(f"{'ok' if succeeded else 'NEVER SUCCEEDED':>15}  {label}: {shown}")
    return 1 if missing else 0


main(*sys.argv[1:])
