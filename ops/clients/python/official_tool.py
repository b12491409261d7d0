"""Twitch's own command-line tool against the backend: its exit status is always 0, so its words count."""

import contextlib
import datetime
import json
import os
import signal
import subprocess
import tempfile

from operations import operation

SECRET = "e2e-ci-eventsub-secret"  # Of the Tier B profile, the default of the stack.
WRONG_SECRET = "another-eventsub-secret"


@contextlib.contextmanager
def backend():
    """Runs a stack for the duration of the context; yields the callback of its backend."""
    with tempfile.TemporaryDirectory(prefix="mgm-clients-") as directory:
        # PostgreSQL runs as another user if we are root.
        os.chmod(directory, 0o755)
        command = [os.environ["CLIENTS_MGM"], "up", "--json", "--auto-ports", "--fresh", "--state-dir", directory]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            ready = json.loads(process.stdout.readline())
            ports = {service["name"]: service["port"] for service in ready["services"]}
            yield f"http://127.0.0.1:{ports['backend']}/api/twitch/eventsub"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def twitch(*arguments, secret=SECRET):
    """Calls the tool; returns whether each of its checks passed, and what it said."""
    options = ["--no-config", "--secret", secret, "--forward-address", CALLBACK]
    command = [os.environ["TWITCH_CLI"], "event", *arguments, *options]
    with tempfile.TemporaryDirectory(prefix="mgm-clients-") as home:
        environment = {**os.environ, "HOME": home, "XDG_CONFIG_HOME": home}
        ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return "✔" in ended.stdout and "✗" not in ended.stdout, ended.stdout


def accepted(*arguments, **options):
    passed, said = twitch(*arguments, **options)
    assert passed, said


def refused(status, *arguments, **options):
    passed, said = twitch(*arguments, **options)
    assert not passed and f"Received Status Code: {status}" in said or f"Received {status}," in said, said


with backend() as CALLBACK:
    with operation("verify-subscription"):
        accepted("verify-subscription", "subscribe")
    with operation("verify-subscription, wrong secret"):
        refused(401, "verify-subscription", "subscribe", secret=WRONG_SECRET)
    for event in ("channel.subscribe", "channel.ban", "stream.online"):
        with operation(f"trigger {event}"):
            accepted("trigger", event)
    with operation("trigger, wrong secret"):
        refused(401, "trigger", "channel.subscribe", secret=WRONG_SECRET)
    with operation("trigger, an hour ago"):
        then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
        refused(403, "trigger", "channel.subscribe", "--timestamp", then.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
