"""Puts the handbook, which lies in docs/, into the package. The rest is in pyproject.toml."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithHandbook(build_py):
    """Copies the pages to where `app.handbook` looks for them in an installation."""

    def run(self) -> None:
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "app", "handbook_pages")
            self.mkpath(str(target))
            for page in sorted(Path("docs", "handbook").glob("*.md")):
                self.copy_file(str(page), str(target / page.name))


setup(cmdclass={"build_py": BuildWithHandbook})
