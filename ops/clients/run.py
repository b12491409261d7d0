"""Runs third-party clients, unmodified, against the stand-ins. See `run` beside this file."""

import base64
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

import documents

HERE = pathlib.Path(__file__).parent
SECONDS = 120
# Twitch would call only this; the world says where it really is.
CALLBACK = "https://hook.test"
EXTENSION, EXTENSION_SECRET = "extension", base64.b64encode(b"the secret of an Extension, of any length").decode()
TWITCH = (
    "app token", "validate", "refresh", "revoke", "users", "chat", "subscribed", "not subscribed",
    "broadcaster's subscriptions", "five calls in parallel", "create", "challenge", "list", "notification",
    "forgery refused", "delete", "revocation",
)
WEBSOCKET = ("WebSocket: notification", "WebSocket: reconnect")
TOKENS = (
    "verify", "claims", "unlinked viewer", "refused: expired", "refused: no_expiry", "refused: not_yet_valid",
    "refused: wrong_audience", "refused: wrong_key", "refused: key_not_decoded", "refused: alg_none", "refused: changed",
)
OFFICIAL_TOOL = (
    "verify-subscription", "verify-subscription, wrong secret", "trigger channel.subscribe", "trigger channel.ban",
    "trigger stream.online", "trigger, wrong secret", "trigger, an hour ago",
)


def python(file):
    return [sys.executable, HERE / "python" / file]


def node(file):
    return ["node", NODE / "javascript" / file]


def clients():
    """The command of each client, and the operations that it must report, in order."""
    clients = {
        "twitchAPI": (python("pytwitchapi.py"), TWITCH + WEBSOCKET),
        "TwitchIO": (python("twitch_io.py"), TWITCH),
        "twurple": (node("twurple.mjs"), TWITCH + WEBSOCKET),
        "twitch_api": ([RUST / "debug/clients"], TWITCH),
        "PyJWT": (python("extension_tokens.py"), TOKENS),
        "jose": (node("extension_tokens.mjs"), TOKENS),
    }
    if "TWITCH_CLI" in os.environ:
        clients["twitch"] = (python("official_tool.py"), OFFICIAL_TOOL)
    return clients


def examples():
    """The command of each example of docs/mocks.md, and its directory. The status says whether it works."""
    pytest = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "test_bot.py"]
    node = ["node", "--import", "tsx", "--test", "--test-force-exit", "bot.test.ts"]
    cargo = ["cargo", "test", "--quiet", "--locked", "--target-dir", RUST]
    return {
        "pytest": (pytest, HERE / "examples/python"),
        "node:test": (node, NODE / "examples/typescript"),
        "cargo test": (cargo, HERE / "examples/rust"),
        "compose": ([sys.executable, "check.py"], HERE.parent / "compose"),
    }


@contextlib.contextmanager
def stand_ins(receiver):
    """Runs the stand-ins for the duration of the context; yields what they say when they are ready."""
    world = (HERE / "world.toml").read_text() + f'\n[callbacks]\n"{CALLBACK}" = "http://127.0.0.1:{receiver}"\n'
    settings = {"RUST_LOG": "warn", "Twitch__ExtensionClientId": EXTENSION, "Twitch__ExtensionSecret": EXTENSION_SECRET}
    with tempfile.TemporaryDirectory(prefix="mgm-clients-") as directory:
        fixture = pathlib.Path(directory, "world.toml")
        fixture.write_text(world)
        command = [MGM, "mocks", "--json", "--auto-ports", "--fixture", fixture]
        process = subprocess.Popen(command, env={**os.environ, **settings}, stdout=subprocess.PIPE, text=True)
        try:
            ready = process.stdout.readline()
            if not ready:
                sys.exit(f"the stand-ins did not start: mgm ended with status {process.wait()}")
            yield json.loads(ready)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def free_port():
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def report(name, passed, what):
    print(f"{name:>10}  {'ok' if passed else 'FAILED':>6}  {what}", flush=True)
    return passed


def run(command, **options):
    """Runs a program, not for ever and with all that it starts; returns its status and what it said."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, start_new_session=True, **pipes, **options) as process:
        try:
            output, errors = process.communicate(timeout=SECONDS)
            return process.returncode, output, errors
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return "none, it did not end", *process.communicate()
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise


def run_client(name, command, operations):
    """Runs a client in a world of its own; yields whether each operation passed."""
    receiver = free_port()
    with stand_ins(receiver) as ready:
        urls = {service["name"]: service["url"] for service in ready["services"]}
        environment = {
            # The clients' own settings are among these variables.
            **os.environ, **ready["variables"], "CLIENTS_HELIX": urls["mock-helix"], "CLIENTS_JWT": urls["mock-jwt"],
            "CLIENTS_CALLBACK": CALLBACK, "CLIENTS_RECEIVER_PORT": str(receiver),
            "CLIENTS_EXTENSION_SECRET": EXTENSION_SECRET, "CLIENTS_MGM": MGM,
        }
        status, output, errors = run(command, env=environment)
    lines = [line.split("\t") for line in output.splitlines() if "\t" in line]
    reported = {operation: (verdict == "ok", ": ".join([operation, *reason])) for verdict, operation, *reason in lines}
    for operation in operations:
        yield report(name, *reported.pop(operation, (False, f"{operation}: nothing was reported")))
    if reported or status != 0:
        yield report(name, False, f"the end: status {status}, not expected: {list(reported)}\n{errors}")


def run_example(name, command, directory):
    environment = {**os.environ, "PATH": f"{pathlib.Path(MGM).parent}:{os.environ['PATH']}"}
    status, output, errors = run(command, cwd=directory, env=environment)
    yield report(name, status == 0, "example" if status == 0 else f"example: status {status}\n{output}{errors}")


def run_all():
    for name, (command, operations) in clients().items():
        yield from run_client(name, command, operations)
    for name, (command, directory) in examples().items():
        yield from run_example(name, command, directory)
    for path, is_shown in documents.check():
        yield report("docs", is_shown, path)


def run_some(names):
    for name in names:
        if name in clients():
            yield from run_client(name, *clients()[name])
        elif name in examples():
            yield from run_example(name, *examples()[name])
        else:
            sys.exit(f"there is no client {name!r}; there are: {', '.join([*clients(), *examples()])}")


def main(*names):
    if names == ("--list",):
        return print(*clients(), *examples(), sep="\n")
    for folder in ("javascript", "examples"):
        shutil.copytree(HERE / folder, NODE / folder, dirs_exist_ok=True)
    verdicts = list(run_some(names) if names else run_all())
    failed = verdicts.count(False)
    print(f"{len(verdicts) - failed} passed, {failed} failed")
    sys.exit(failed > 0)


MGM, NODE, RUST, *NAMES = sys.argv[1:]
MGM, NODE, RUST = os.path.abspath(MGM), pathlib.Path(NODE), pathlib.Path(RUST)
main(*NAMES)
