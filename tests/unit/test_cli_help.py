"""What the command line says of itself."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from app.cli.main import ORDER, app


@pytest.fixture
def shown(monkeypatch):
    """What a command prints on a terminal of 80 columns, without its frames."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str) -> str:
        found = CliRunner().invoke(app, arguments)
        assert found.exit_code == 0, found.output
        return found.output

    return run


def test_the_version_is_told(shown):
    assert shown("--version").strip() == f"attune {importlib.metadata.version('attune')}"


def test_commands_stand_in_the_order_in_which_they_are_needed(shown):
    named = re.findall(r"^│ ([a-z][a-z-]*) ", shown("--help"), re.MULTILINE)
    assert named == [name for name in ORDER if name in named]
    assert named[0] == "serve"
    assert len(named) > 10


def test_sentences_of_the_help_are_not_torn(shown):
    """A line ends where the terminal does, not where the source does."""
    told = " ".join(shown("ingest", "--help").split())
    lines = shown("ingest", "--help").splitlines()
    assert "Exit code 0 when" in told
    assert not any(line.strip() == "Exit code 0" for line in lines)
    assert "attune ingest report.pdf" in told


def test_a_command_lets_waiting_threads_sleep():
    """Set before torch is there, for the command and what it starts. What was set stays."""
    program = (
        "import os, sys\n"
        "from app.cli.main import main\n"
        "sys.argv = ['attune', '--version']\n"
        "try:\n    main()\n"
        "except SystemExit:\n    print(os.environ['OMP_WAIT_POLICY'], 'torch' in sys.modules)\n"
    )
    plain = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    for given, wanted in ((plain, "PASSIVE"), (plain | {"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE")):
        said = subprocess.check_output([sys.executable, "-c", program], env=given, text=True)
        assert said.splitlines()[-1] == f"{wanted} False"
