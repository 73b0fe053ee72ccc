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


# What 0.1.0 was released with. Servers of a release go on while the next one changes the schema.
# How this code stands columns that it does not know is in tests/integration/test_rolling.py.
RELEASED = 17
# Statements after which the code before fails: it still reads and writes what they take away.
BREAKS = re.compile(
    r"\b(drop\s+(table|column|view|schema|type)|rename\s+(to|column)|alter\s+column\s+\w+\s+(set\s+not"
    r"\s+null|type)|add\s+constraint)\b",
    re.IGNORECASE,
)
ADDED = re.compile(r"add\s+column\s+[^,;]+", re.IGNORECASE)


def breaks(sql):
    """What in a revision the code before cannot stand."""
    text = re.sub(r"--.*", "", sql)
    found = [match.group() for match in BREAKS.finditer(text)]
    for column in ADDED.findall(text):
        if re.search(r"not\s+null", column, re.IGNORECASE) and "default" not in column.lower():
            found.append(column)
    return found


def test_revisions_since_the_release_leave_the_code_before_running():
    """A rolling upgrade: they add, and what they add may be left out by the code before."""
    for path in FILES[RELEASED:]:
        assert breaks(path.with_suffix(".sql").read_text(encoding="utf-8")) == [], path.name


def test_what_breaks_the_code_before_is_seen():
    for sql in (
        "drop table a;", "alter table a rename column b to c;", "alter table a alter column b set not null",
        "alter table a alter column b type int", "alter table a add column b int not null;",
    ):  # fmt: skip
        assert breaks(sql), sql
    assert breaks("alter table a add column b int not null default 0; -- drop table x") == []
    assert breaks("create table b (c int not null); alter table a add column b int;") == []
