"""`attune train` on files of pairs, and the command that it names as the next one."""

from __future__ import annotations

import json
import random
import shlex
from pathlib import Path


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
