"""The packages that are installed: floors, pins, and an audit that cannot pass by skipping."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.audit import judge

ROOT = Path(__file__).resolve().parents[2]
# What stands between a stranger's bytes and Attune, with the first version without a known hole.
GUARDING = {
    "starlette": "1.0.1", "python-multipart": "0.0.22", "h11": "0.16", "pillow": "12.1.1",
    "pypdf": "6.6.2", "urllib3": "2.6.3", "requests": "2.32.4", "cryptography": "46.0.5",
    "jinja2": "3.1.6", "aiohttp": "3.13.3", "authlib": "1.6.6", "gradio": "6.20",
}  # fmt: skip


@pytest.fixture(scope="module")
def required() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [Requirement(line) for line in project["dependencies"]]
    return {canonicalize_name(one.name): one for one in found}


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.partition("==") for line in lines if "==" in line and not line.startswith("#")]
    return {canonicalize_name(name.split("[")[0]): version for name, _, version in pairs}


def _before(version: str) -> str:
    """A version just below one."""
    return f"{version}.dev0"


@pytest.mark.parametrize("name", GUARDING)
def test_an_older_package_with_a_known_hole_is_not_installed(name, required):
    """Also by `pip install attune`, which reads no constraints."""
    assert not required[name].specifier.contains(_before(GUARDING[name]), prereleases=True)


def test_every_pin_is_one_that_the_project_allows(required):
    pinned = pins()
    for name, one in required.items():
        if name in pinned:
            assert one.specifier.contains(pinned[name]), f"{one} but {name}=={pinned[name]}"


def test_an_audit_that_skipped_packages_fails():
    """pip-audit itself says that there is nothing, and ends with 0."""
    report = {"dependencies": [{"name": "gradio", "skip_reason": "not found on PyPI"}]}
    faults, summary = judge(report)
    assert faults == ["gradio: not looked up: not found on PyPI"]
    assert summary == "0 of 1 packages looked up"
    assert judge({"dependencies": []})[0] == ["no package was looked up"]


def test_an_audit_names_the_hole_and_its_repair():
    hole = {"id": "PYSEC-1", "fix_versions": ["2.0"]}
    report = {"dependencies": [{"name": "a", "version": "1.0", "vulns": [hole]},
                               {"name": "b", "version": "1.0", "vulns": []}]}  # fmt: skip
    assert judge(report) == (["a 1.0: PYSEC-1, fixed in 2.0"], "2 of 2 packages looked up")
    report["dependencies"].pop(0)
    assert judge(report) == ([], "1 of 1 packages looked up")
