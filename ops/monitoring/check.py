"""Checks alerts and dashboard against the existing metrics. See `check` beside this file."""

import json
import pathlib
import re
import subprocess
import tempfile

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

HERE = pathlib.Path(__file__).parent
DOCS = HERE.parent.parent / "docs"


def catalogue():
    """Every series name, with its labels."""
    names = {"up": {"job", "instance"}}
    row = re.compile(r"^\| `(mgm_\w+)` \| (\w+) \| (.*?) \|", re.MULTILINE)
    for name, kind, labels in row.findall((DOCS / "metrics.md").read_text()):
        labels = set(re.findall(r"`(\w+)`", labels)) | {"instance", "job"}
        suffixes = ["_bucket", "_sum", "_count"] if kind == "histogram" else [""]
        names.update({name + suffix: labels | ({"le"} if suffix == "_bucket" else set()) for suffix in suffixes})
    assert len(names) > 20, names
    return names


def check_names(where, expression, names):
    for name, selector in re.findall(r"\b(mgm_\w+|up)\b(?:\{([^}]*)\})?", expression):
        assert name in names, f"{where}: there is no metric {name}"
        used = re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selector)
        assert set(used) <= names[name], f"{where}: {name} has no label {set(used) - names[name]}"


def panels(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def check_dashboard(names):
    text = (HERE / "dashboard.json").read_text()
    dashboard = json.loads(text)
    expressions = []
    for panel in panels(dashboard):
        assert panel["type"] == "row" or panel["targets"], panel["title"]
        for target in panel.get("targets", []):
            where = f"panel {panel['title']!r}"
            check_names(where, target["expr"], names)
            expressions.append(target["expr"].replace("$__rate_interval", "1m"))
    assert len({panel["id"] for panel in panels(dashboard)}) == len(list(panels(dashboard)))
    # A round trip through Grafana's types loses what they do not know.
    kept = json.loads(json.dumps(Dashboard.from_json(dashboard), cls=JSONEncoder))
    lost = missing("", dashboard, kept)
    assert not lost, f"not part of a Grafana dashboard: {lost}"
    # Recording rules, so that Prometheus itself parses the expressions.
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(expressions)]
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        file.flush()
        subprocess.run(["promtool", "check", "rules", file.name], check=True, stdout=subprocess.DEVNULL)
    print(f"dashboard: {len(expressions)} expressions")


def missing(path, given, kept):
    """The paths of members of one JSON value that are missing in another."""
    if isinstance(given, dict) and isinstance(kept, dict):
        lost = [f"{path}.{key}" for key, value in given.items() if key not in kept and value is not None]
        return lost + [one for key in given.keys() & kept.keys() for one in missing(f"{path}.{key}", given[key], kept[key])]
    if isinstance(given, list) and isinstance(kept, list):
        return [one for n, pair in enumerate(zip(given, kept)) for one in missing(f"{path}[{n}]", *pair)]
    return []


def check_alerts(names):
    rules = [rule for group in yaml.safe_load((HERE / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
    tests = yaml.safe_load((HERE / "alerts-test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test.get("alert_rule_test", [])]
    headings = re.findall(r"^#+ (.*)$", (DOCS / "troubleshooting.md").read_text(), re.MULTILINE)
    for rule in rules:
        alert = rule["alert"]
        check_names(alert, rule["expr"], names)
        assert any(case["alertname"] == alert and case["exp_alerts"] for case in cases), f"{alert} has no test in which it fires"
        assert rule["annotations"]["runbook_url"] == f"docs/troubleshooting.md#{alert.lower()}", alert
        assert alert in headings, f"docs/troubleshooting.md has no section {alert}"
    for test in tests:
        for series in test["input_series"]:
            check_names(test["name"], series["series"], names)
    print(f"alerts: {len(rules)}")


names = catalogue()
check_dashboard(names)
check_alerts(names)
