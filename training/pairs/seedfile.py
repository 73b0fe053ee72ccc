"""
Files of questions and their passages: JSON of three maps, or CSV of question and passage.

The JSON is that of LlamaIndex's embedding fine-tuning: ``{"queries": {id: text}, "corpus": {id:
text}, "relevant_docs": {id: [id, ...]}}``. A fault in a file is reported in one sentence that names
the place. Nothing is repaired silently.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.errors import InputError
from pipelines.system import atomic_files

KEYS = ("queries", "corpus", "relevant_docs")
# A single question cannot be held out, and has no other passage as a negative.
FEWEST_QUESTIONS = 2
# Leading quotes count too, so that a text that begins with one is read back unchanged.
_FORMULA = re.compile("'*[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")


@dataclass(frozen=True)
class SeedFile:
    """Questions by id, passages by id, and the ids of the passages that answer each question."""

    queries: dict[str, str]
    corpus: dict[str, str]
    relevant_docs: dict[str, list[str]]


def read(path: Path) -> SeedFile:
    """
    Read and check a file of questions and passages.

    :raises InputError: One sentence with the file, the place, and what is expected there.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(f"{path} does not exist.") from None
    except IsADirectoryError:
        raise InputError(f"{path} is a folder; a JSON or CSV file of pairs is expected.") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}).") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if not text.strip():
        raise InputError(f"{path} is empty.")
    seed = _from_csv(path, text) if path.suffix.lower() == ".csv" else _from_json(path, text)
    for words in (*seed.queries, *seed.queries.values(), *seed.corpus, *seed.corpus.values()):
        if not _storable(words):
            raise InputError(
                f"{path} has a NUL or half a character, which cannot be stored, in {words[:40]!a}."
            )
    if len(seed.queries) < FEWEST_QUESTIONS:
        raise InputError(
            f"{path} has {len(seed.queries)} question{'' if len(seed.queries) == 1 else 's'};"
            f" at least {FEWEST_QUESTIONS} are needed."
        )
    return seed


def _storable(text: str) -> bool:
    """Whether the database can store a text. JSON can encode characters that no text has."""
    return "\0" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


def write(path: Path, seed: SeedFile) -> None:
    """Write JSON, or CSV if the name ends in .csv, atomically."""
    atomic_files.write_text(path, render(seed, path.suffix))


def parse(text: str) -> SeedFile:
    """Parse the JSON that `render` wrote."""
    return SeedFile(**json.loads(text))


def render(seed: SeedFile, ending: str) -> str:
    """The content of a file with this ending: CSV for ``.csv``, JSON for any other."""
    if ending.lower() != ".csv":
        return json.dumps(vars(seed), ensure_ascii=False, indent=1) + "\n"
    rows = io.StringIO()
    writer = csv.writer(rows)
    writer.writerow(("question", "passage"))
    for question_id, passage_ids in seed.relevant_docs.items():
        for passage_id in passage_ids:
            writer.writerow(map(_quoted, (seed.queries[question_id], seed.corpus[passage_id])))
    return rows.getvalue()


def _quoted(cell: str) -> str:
    """Quote a cell that a spreadsheet would read as a formula. `_unquoted` reverses this."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _unquoted(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _from_json(path: Path, text: str) -> SeedFile:
    try:
        value = json.loads(text, object_pairs_hook=_refuse_repeats)
    except _Repeated as error:
        raise InputError(f"{path} has the id {error.args[0]!r} twice in one map.") from None
    except json.JSONDecodeError as error:
        if path.suffix.lower() != ".json":
            raise InputError(f"{path} is not a file of pairs: JSON and CSV are read.") from None
        raise InputError(
            f"{path} is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    except RecursionError:
        raise InputError(f"{path} is nested too deeply to be a file of pairs.") from None
    if not isinstance(value, dict):
        raise InputError(
            f"{path} holds {_kind(value)}; an object with {_listed(KEYS)} is expected."
        )
    missing = [key for key in KEYS if key not in value]
    if missing:
        raise InputError(f"{path} lacks {_listed(missing)}.")
    for key in KEYS:
        if not isinstance(value[key], dict):
            raise InputError(f"{path}: {key!r} is {_kind(value[key])}; a map by id is expected.")
    queries = _texts(path, "queries", value["queries"])
    corpus = _texts(path, "corpus", value["corpus"])
    return SeedFile(queries, corpus, _relevant(path, value["relevant_docs"], queries, corpus))


def _texts(path: Path, key: str, texts: Mapping[str, Any]) -> dict[str, str]:
    for name, text in texts.items():
        if not name.strip():
            raise InputError(f"{path}: {key!r} has an empty id.")
        if not isinstance(text, str):
            raise InputError(f"{path}: {key}[{name!r}] is {_kind(text)}; text is expected.")
        if not text.strip():
            raise InputError(f"{path}: {key}[{name!r}] is empty.")
    return dict(texts)


def _relevant(
    path: Path, relevant: Mapping[str, Any], queries: Mapping[str, str], corpus: Mapping[str, str]
) -> dict[str, list[str]]:
    for name, passages in relevant.items():
        place = f"{path}: relevant_docs[{name!r}]"
        if name not in queries:
            raise InputError(f"{place} belongs to no question in 'queries'.")
        if not isinstance(passages, list) or not passages:
            raise InputError(f"{place} is {_kind(passages)}; a list of passage ids is expected.")
        for passage in passages:
            if not isinstance(passage, str) or passage not in corpus:
                raise InputError(f"{place} names {passage!r}, which is not in 'corpus'.")
    for name in queries:
        if name not in relevant:
            raise InputError(f"{path}: queries[{name!r}] has no entry in 'relevant_docs'.")
    return {name: list(dict.fromkeys(relevant[name])) for name in queries}


def _from_csv(path: Path, text: str) -> SeedFile:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(rows)]
        if "question" not in header or "passage" not in header:
            raise InputError(f"{path}: the first row must name the columns question and passage.")
        at_question, at_passage = header.index("question"), header.index("passage")
        queries: dict[str, str] = {}
        corpus: dict[str, str] = {}
        relevant: dict[str, list[str]] = {}
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise InputError(
                    f"{path}, line {rows.line_num}: {len(row)} columns, expected {len(header)}."
                )
            question, passage = (_unquoted(row[at].strip()) for at in (at_question, at_passage))
            for name, cell in (("question", question), ("passage", passage)):
                if not cell:
                    raise InputError(f"{path}, line {rows.line_num}: the {name} is empty.")
            question_id, passage_id = _id(question), _id(passage)
            queries[question_id] = question
            corpus[passage_id] = passage
            found = relevant.setdefault(question_id, [])
            if passage_id not in found:
                found.append(passage_id)
    except csv.Error as error:
        raise InputError(f"{path}, line {rows.line_num}: {error}.") from None
    return SeedFile(queries, corpus, relevant)


def _id(text: str) -> str:
    """A stable id of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class _Repeated(Exception):
    pass


def _refuse_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Repeated(next(name for name in names if names.count(name) > 1))
    return found


def _kind(value: Any) -> str:
    """The type of a JSON value in words."""
    if value is None:
        return "null"
    if value in ("", [], {}):
        return "empty"
    names = {dict: "an object", list: "a list", str: "text", bool: "a truth value"}
    return names.get(type(value), "a number")


def _listed(names: tuple[str, ...] | list[str]) -> str:
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} and {quoted[-1]}"
