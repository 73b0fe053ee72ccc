"""`attune train` on files of pairs, and the command that it names as the next one."""

from __future__ import annotations

import json
import random
import shlex
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from training.finetune import launch

pytestmark = pytest.mark.long


def write(path: Path, words: str, passages: int) -> str:
    """A file of pairs: one question to each passage, of its own words."""
    draw = random.Random(words)
    vocabulary = [a + b for a in "bdfgklmnprst" for b in ("ano", "eli", "umo", words)]
    corpus = {f"p{n}": " ".join(draw.choices(vocabulary, k=60)) for n in range(passages)}
    queries = {
        f"q{n}": f"{words} " + " ".join(corpus[f"p{n}"].split()[:5]) for n in range(passages)
    }
    seed = {
        "queries": queries,
        "corpus": corpus,
        "relevant_docs": {f"q{n}": [f"p{n}"] for n in range(passages)},
    }
    path.write_text(json.dumps(seed))
    return str(path)


def next_command(out: str) -> list[str]:
    (line,) = [one for one in out.splitlines() if one.startswith("Next: attune ")]
    return shlex.split(line.removeprefix("Next: attune "))


def test_the_next_step_after_training_on_files_works(attune, tmp_path):
    """It asks for a file of other questions, and all is told on a stderr that is no terminal."""
    pairs = write(tmp_path / "pairs.json", "ira", 12)
    heldout = write(tmp_path / "held out.json", "oso", 11)
    code, out, err = attune("train", "--pairs", pairs, "--heldout", heldout, "--method", "adapter")
    assert code == 0, err
    assert "Not proved better: 11 questions, at least 20 are needed." in out
    assert "do not promote" not in out
    assert "Learned share of BM25 in the score: 0." in out
    assert "trained, " in err
    command = next_command(out)
    assert command == ["evaluate", "--dataset", "FILE", "--models", "base,v1"]
    others = write(tmp_path / "others.json", "umu", 20)
    code, out, err = attune(*[others if part == "FILE" else part for part in command])
    assert code == 0, err
    assert "Share of BM25 in the score: base 0." in out
    assert ", v1 0." in out
    assert "base: indexing, " in err
    assert "v1: figures, 9" in err


@contextmanager
def away(dsn: str) -> Iterator[None]:
    """The database drops all connections and takes no new ones."""
    name = str(conninfo_to_dict(dsn)["dbname"])
    allow = sql.SQL("alter database {} with allow_connections {}")
    with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as other:
        other.execute(allow.format(sql.Identifier(name), sql.SQL("false")))
        other.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,)
        )
        try:
            yield
        finally:
            other.execute(allow.format(sql.Identifier(name), sql.SQL("true")))


def test_a_run_outlives_a_database_that_goes_away(attune, dsn, tmp_path, monkeypatch):
    """One sentence says that the run is kept. The command in it goes on."""
    pairs = write(tmp_path / "pairs.json", "ira", 12)
    train, began = launch.train, []

    def begin(folder, machine, task):
        began.append(lost.enter_context(away(dsn)))
        return train(folder, machine, task)

    with ExitStack() as lost:
        monkeypatch.setattr(launch, "train", begin)
        code, _, err = attune("train", "--pairs", pairs, "--method", "adapter")
    assert began, err
    assert code == 4, err
    assert "The database cannot be reached: run 1 is kept, and" in err
    assert "incident" not in err
    monkeypatch.setattr(launch, "train", train)
    code, out, err = attune("train", "--resume", "1")
    assert code == 0, err
    assert "v1 is registered (run 1, adapter)." in out
