"""The built wheel, installed in an environment of its own and used from another folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import httpx
import pytest

from tests.serving import Served

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path.name for path in (ROOT / "docs" / "handbook").glob("*.md"))


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """
    The `attune` command of the installed wheel. Its libraries are those of this environment, so
    that nothing is downloaded.
    """
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    listed = subprocess.check_output(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT
    )
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    pip = [_python_with_pip(), "-m", "pip", "--disable-pip-version-check"]
    built = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source)]
    subprocess.run([*pip, *built], check=True, capture_output=True, text=True)
    shutil.rmtree(source)
    (wheel,) = folder.glob("attune-*.whl")
    home = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    # A plain line: the .pth files of that folder, which lead to the repository, are not read.
    (packages / "libraries.pth").write_text("\n".join(_libraries()) + "\n")
    python = home / "bin" / "python"
    install = ["--python", str(python), "install", "--no-deps", "--no-index", "--ignore-installed"]
    subprocess.run([*pip, *install, str(wheel)], check=True, capture_output=True, text=True)
    return home / "bin" / "attune"


def _libraries() -> list[str]:
    """The folders of libraries of this environment."""
    return [path for path in sys.path if path.endswith("site-packages")] or [
        sysconfig.get_path("purelib")
    ]


def _python_with_pip() -> str:
    """An interpreter that has pip and setuptools. Skips where there is none."""
    found = [
        sys.executable,
        *(str(Path(path).parents[2] / "bin" / "python") for path in _libraries()),
    ]
    for python in found:
        asked = subprocess.run([python, "-c", "import setuptools, pip"], capture_output=True)
        if asked.returncode == 0:
            return python
    pytest.skip("the wheel is not built: this environment has no pip or no setuptools")


@pytest.fixture
def served(installed, tmp_path):
    """A server of the installation that was started in a folder without any of its files."""
    server = Served(tmp_path / "home", TMPDIR="/tmp")
    server.home.mkdir()
    server.command[0] = str(installed)
    server.start()
    yield server
    server.stop()


def test_an_installed_wheel_has_all_its_files(installed, served):
    """Handbook, migrations, templates and what the browser loads."""
    where = subprocess.check_output(
        [installed.with_name("python"), "-c", "import app.handbook as h; print(h.HANDBOOK)"],
        cwd=served.home,
        text=True,
    )
    assert str(installed.parents[1]) in where, "the repository must not be what is used"
    listed = subprocess.run(
        [installed, "documents", "list", "--json"],
        env=served.environment, cwd=served.home, capture_output=True, text=True,
    )  # fmt: skip
    found = json.loads(listed.stdout)["documents"]
    assert sorted(row["source"].removeprefix("handbook/") for row in found) == PAGES
    assert {row["status"] for row in found} == {"indexed"}
    with httpx.Client(base_url=served.url, follow_redirects=True, timeout=60) as client:
        assert "window.attuneLoaded" in client.get("/").text
        assert client.get("/readyz").json() == {"status": "ready"}
        sign_in = client.get("/admin/", headers={"accept": "text/html"})
        assert sign_in.url.path == "/login"
        assert "<html" in sign_in.text
        assert client.get("/nothing/of/the/kind").status_code == 404
