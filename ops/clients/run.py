"""Runs third-party clients, unmodified, against the stand-ins. See `run` beside this file."""

import base64
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).parent
SECONDS = 120
# Twitch would call only this; the stand-in is told where it really is.
CALLBACK = "https://hook.test"
EXTENSION_SECRET = base64.b64encode(b"the secret of an Extension, of any length").decode()
TWITCH = (
    "app token", "validate", "refresh", "revoke", "users", "chat", "subscribed", "not subscribed",
    "broadcaster's subscriptions", "five calls in parallel", "create", "challenge", "list", "notification",
    "forgery refused", "delete", "revocation",
)
TOKENS = ("verify", "claims", "wrong key")


def python(file):
    return [sys.executable, HERE / "python" / file]


def node(file):
    return ["node", pathlib.Path(NODE, "javascript", file)]


def clients():
    """The command of each client, and the operations that it must report, in order."""
    return {
        "twitchAPI": (python("pytwitchapi.py"), TWITCH),
        "TwitchIO": (python("twitch_io.py"), TWITCH),
        "twurple": (node("twurple.mjs"), TWITCH),
        "PyJWT": (python("extension_tokens.py"), TOKENS),
        "jose": (node("extension_tokens.mjs"), TOKENS),
    }


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@contextlib.contextmanager
def stand_in(name, settings):
    """Runs a stand-in for the duration of the context; yields its port."""
    port = free_port()
    environment = {**os.environ, **settings, "Mgm__Urls": f"http://127.0.0.1:{port}"}
    with tempfile.TemporaryDirectory(prefix="mgm-clients-") as directory:
        command = [MGM, "--log-dir", directory, "serve", name]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(f"http://127.0.0.1:{port}/health", process)
            yield port
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def wait_for(address, process):
    end = time.monotonic() + SECONDS
    while True:
        try:
            return urllib.request.urlopen(address, timeout=SECONDS).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"{process.args[0]} did not start")
            time.sleep(0.02)


def run(name, command, operations):
    """Runs a client in a world of its own; returns how many operations passed, and how many did not."""
    receiver = free_port()
    settings = {"MockHelix__Fixture": str(HERE / "world.toml")}
    with stand_in("mock-helix", settings) as helix, stand_in("mock-jwt", {"Twitch__ExtensionSecret": EXTENSION_SECRET}) as jwt:
        environment = {
            **os.environ, "CLIENTS_HELIX": f"http://127.0.0.1:{helix}", "CLIENTS_JWT": f"http://127.0.0.1:{jwt}",
            "CLIENTS_CALLBACK": CALLBACK, "CLIENTS_RECEIVER_PORT": str(receiver), "TWURPLE_MOCK_API_PORT": str(helix),
            "CLIENTS_EXTENSION_SECRET": EXTENSION_SECRET,
        }
        ended = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, timeout=SECONDS)
    reported = {}
    for line in ended.stdout.splitlines():
        verdict, _, rest = line.partition("\t")
        operation, _, reason = rest.partition("\t")
        reported[operation] = (verdict == "ok", f"{verdict:>6}  {operation}" + (f": {reason}" if reason else ""))
    for operation in operations:
        passed, line = reported.pop(operation, (False, f"FAILED  {operation}: nothing was reported"))
        print(f"{name:>12} {line}", flush=True)
        yield passed
    if reported or ended.returncode:
        print(f"{name:>12} FAILED  status {ended.returncode}, unexpected: {', '.join(reported) or 'nothing'}", flush=True)
        yield False


def main(*names):
    known = clients()
    if names == ("--list",):
        return print(*known, sep="\n")
    if unknown := set(names) - set(known):
        raise SystemExit(f"there is no client {', '.join(unknown)}; there are: {', '.join(known)}")
    shutil.copytree(HERE / "javascript", pathlib.Path(NODE, "javascript"), dirs_exist_ok=True)
    verdicts = [verdict for name in names or known for verdict in run(name, *known[name])]
    failed = verdicts.count(False)
    print(f"{len(verdicts) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


MGM, NODE, *NAMES = sys.argv[1:]
main(*NAMES)
