"""The schema's revisions form one line."""

import re

from pipelines.store.db import MIGRATIONS

FILES = sorted((MIGRATIONS / "versions").glob("[0-9]*.py"))


def test_each_revision_follows_the_one_before():
    """Two that were made side by side under one number would leave no newest one to go to."""
    before = "None"
    for number, path in enumerate(FILES, 1):
        text = path.read_text(encoding="utf-8")
        assert path.name.startswith(f"{number:04}_"), path.name
        assert f'revision = "{number:04}"' in text
        assert re.search(r"^down_revision = \"?(\w+)\"?", text, re.MULTILINE)[1] == before
        assert path.with_suffix(".sql").is_file()
        before = f"{number:04}"
