"""compose.yaml names settings, commands and volumes that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from app.cli.main import app
from app.settings import Settings
from app.settings_table import settings_table

yaml = pytest.importorskip("yaml", reason="compose.yaml is not read: PyYAML is not installed")
PATH = Path(__file__).resolve().parents[2] / "compose.yaml"
COMPOSE = yaml.safe_load(PATH.read_text(encoding="utf-8"))
OURS = {name: one for name, one in COMPOSE["services"].items() if one["image"] == "attune"}


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_set_up_by_settings_that_exist(name):
    settings = set(re.findall(r"^\| `(\w+)`", settings_table(), re.M))
    assert set(OURS[name]["environment"]) <= settings


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_exists(name):
    program, command, *options = OURS[name]["command"]
    assert program == "attune"
    found = getattr(typer.main.get_command(app), "commands", {})[command]
    known = {flag for one in found.params for flag in (*one.opts, *one.secondary_opts)}
    assert {option for option in options if option.startswith("--")} <= known


def test_volumes_are_declared_and_nothing_is_open_without_a_password():
    used = {v.split(":")[0] for one in COMPOSE["services"].values() for v in one.get("volumes", [])}
    assert used == set(COMPOSE["volumes"])
    assert OURS["web"]["environment"]["ATTUNE_ADMIN_PASSWORD"].startswith(
        "${ATTUNE_ADMIN_PASSWORD:?"
    )
    assert all(port.startswith("127.0.0.1:") for port in OURS["web"]["ports"])
    assert "ports" not in COMPOSE["services"]["database"]
    assert Settings.model_fields["port"].default == 7860
