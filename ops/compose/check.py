"""Checks `mocks.yaml` beside this file: the image is that of this version, and has the programs that it runs."""

import pathlib
import shutil
import subprocess
import tomllib

import yaml

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
FILE = HERE / "mocks.yaml"

version = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["package"]["version"]
programs = {f"/bin/{file.stem}" for file in (ROOT / "crates/mocks/src/bin").glob("*.rs")}
services = yaml.safe_load(FILE.read_text())["services"]
assert services
for name, service in services.items():
    assert service["image"] == f"mgm-mocks:{version}", f"{name}: {service['image']}"
    assert service["command"][0] in programs, f"{name}: {service['command']}"

compose = ["docker", "compose"]
if shutil.which("docker") and subprocess.run([*compose, "version"], capture_output=True).returncode == 0:
    subprocess.run([*compose, "--file", FILE, "config", "--quiet"], check=True)
