"""What is in deploy/ names metrics, commands and settings that exist."""

from __future__ import annotations

import configparser
import json
import re
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import typer
from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase

from app.cli.main import app
from app.live import metrics
from app.settings import Settings
from app.settings_table import settings_table

yaml = pytest.importorskip("yaml", reason="deploy/ is not read: PyYAML is not installed")
ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus" / "attune.rules.yml"
DASHBOARD = DEPLOY / "grafana" / "attune.json"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
MANIFESTS = [
    one
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]
SETTINGS = set(re.findall(r"^\| `(\w+)`", settings_table(), re.M))
NAME = re.compile(r"\battune_\w+")


def exported():
    """The names under which Prometheus stores our metrics, each with its labels."""
    found = {}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            endings = [""]
            if isinstance(metric, Counter):
                endings = ["_total"]
            elif isinstance(metric, Histogram):
                endings = ["_bucket", "_sum", "_count"]
            found |= {metric._name + ending: set(metric._labelnames) for ending in endings}
    return found


def expressions():
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    for group in rules["groups"]:
        yield from (rule["expr"] for rule in group["rules"])
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        yield from (target["expr"] for target in panel["targets"])


@pytest.mark.parametrize("expression", expressions())
def test_rules_and_panels_ask_for_metrics_that_exist(expression):
    """With labels that these have. Prometheus adds `instance`, `job` and `le` itself."""
    known = exported()
    assert set(NAME.findall(expression)) <= set(known)
    for name, inside in re.findall(r"\b(attune_\w+)\{([^}]*)\}", expression):
        labels = set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", inside))
        assert labels <= known[name] | {"instance", "job"}


def test_every_metric_is_shown_on_the_dashboard():
    shown = {name for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
             for target in panel["targets"] for name in NAME.findall(target["expr"])}  # fmt: skip
    lacking = {
        name for name in exported() if not name.endswith(("_sum", "_count")) and name not in shown
    }
    assert lacking == set()


def test_every_alert_says_what_it_is_and_what_to_do():
    rules = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert len({rule["alert"] for rule in alerts}) == len(alerts)
    for rule in alerts:
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_panels_do_not_overlap():
    taken = set()
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]:
        at = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not cells & taken
        taken |= cells


def check_command(line):
    """A command line of ours with options that exist."""
    program, command, *options = line
    assert Path(program).name == "attune"
    found = getattr(typer.main.get_command(app), "commands", {})[command]
    known = {flag for one in found.params for flag in (*one.opts, *one.secondary_opts)}
    assert {option for option in options if option.startswith("--")} <= known


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_a_unit_runs_a_command_and_stops_it_in_order(path):
    """Only the parent is told to stop, and it has longer than its last backup takes."""
    unit = configparser.ConfigParser(strict=False)
    unit.optionxform = str
    unit.read(path)
    service = unit["Service"]
    check_command(service["ExecStart"].split())
    assert service["Environment"].split("=")[0] in SETTINGS
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > Settings.model_fields["backup_at_stop_s"].default


def test_manifests_refer_to_each_other_and_to_settings():
    """Labels, ports, volumes and settings. Nothing runs as root or writes to its image."""
    kinds = {(one["kind"], one["metadata"]["name"]): one for one in MANIFESTS}
    config = kinds["ConfigMap", "attune"]["data"]
    assert set(config) <= SETTINGS
    assert all(isinstance(value, str) for value in config.values())
    for (kind, _), one in kinds.items():
        if kind != "Deployment":
            continue
        template, (container,) = (
            one["spec"]["template"],
            one["spec"]["template"]["spec"]["containers"],
        )
        pod = template["spec"]
        check_command(container["command"])
        assert one["spec"]["selector"]["matchLabels"] == template["metadata"]["labels"]
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}
        assert pod["terminationGracePeriodSeconds"] > float(config["ATTUNE_BACKUP_AT_STOP_S"])
        assert pod["securityContext"]["runAsNonRoot"]
        assert container["securityContext"]["readOnlyRootFilesystem"]
    web = kinds["Deployment", "attune-web"]["spec"]["template"]
    service = kinds["Service", "attune"]["spec"]
    assert service["selector"].items() <= web["metadata"]["labels"].items()
    ports = {port["name"]: port["containerPort"] for port in web["spec"]["containers"][0]["ports"]}
    assert ports[service["ports"][0]["targetPort"]] == Settings.model_fields["port"].default


def tool(name):
    """A checker that is installed. Without it its test is skipped."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_prometheus_takes_the_alert_rules():
    """By its own checker (Debian: apt install prometheus)."""
    checked = subprocess.run(
        [tool("promtool"), "check", "rules", str(RULES)], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_takes_a_unit(path, tmp_path):
    """With a command that is there: the unit names where Attune is usually installed."""
    text = path.read_text(encoding="utf-8")
    unit = tmp_path / path.name
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.M))
    checked = subprocess.run(
        [tool("systemd-analyze"), "verify", str(unit)], capture_output=True, text=True
    )
    told = [line for line in checked.stderr.splitlines() if path.name in line]
    assert (checked.returncode, told) == (0, []), checked.stderr


@pytest.mark.parametrize(
    "manifest", MANIFESTS, ids=lambda one: f"{one['kind']}-{one['metadata']['name']}"
)
def test_kubernetes_takes_a_manifest(manifest):
    """By the schemas of its interface, where unknown fields are faults."""
    kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_kubernetes_refuses_a_misspelt_field():
    deployment = next(one for one in MANIFESTS if one["kind"] == "Deployment")
    wrong = deployment | {"spec": deployment["spec"] | {"replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)
