"""Reads a file and splits its text, unless its content is in the index already."""

from __future__ import annotations

import hashlib
from functools import partial

from pipelines.errors import InputError
from pipelines.indexing import duplicates
from pipelines.indexing.convert import Converter
from pipelines.indexing.converted import Converted
from pipelines.indexing.incoming import Incoming
from pipelines.indexing.load.kept_pages import KeptPages
from pipelines.indexing.load.load import Load
from pipelines.indexing.outcome import Outcome, reason_of
from pipelines.indexing.readers.kinds import mime_of
from pipelines.indexing.records import ReadFile, SplitText
from pipelines.indexing.split import split
from pipelines.progress import Stopped
from pipelines.text import languages


def read(file: Incoming, load: Load, converter: Converter, chunk_chars: int) -> ReadFile:
    """
    Read a file and note that it is being indexed.

    :param chunk_chars: Length of a passage.
    :raises Stopped: The load was stopped or cut off.
    """
    load.meter.reading(file)
    try:
        content = _bytes(file, converter)
    except (OSError, InputError) as error:
        return _refused(file, load, reason_of(error))
    sha256 = hashlib.sha256(content).hexdigest()
    is_repeated = load.is_repeated(file, sha256)
    with load.pool.connection() as conn:
        before = duplicates.unchanged(conn, file, sha256)
    if before is not None:
        return ReadFile(file, before, sha256, Outcome(file.source, "unchanged", before))
    document_id = load.begin(file, sha256, content)
    result: SplitText | Outcome | None
    with load.pool.connection() as conn:
        result = duplicates.share(conn, file, document_id, sha256)
    if result is None and not is_repeated:
        begun = ReadFile(file, document_id, sha256, None)
        result = read_text(begun, content, load, converter, chunk_chars)
    if isinstance(result, SplitText):
        load.meter.read(file, len(result.converted.text))
    return ReadFile(file, document_id, sha256, result)


def _bytes(file: Incoming, converter: Converter) -> bytes:
    mime_of(file.source)
    converter.check_size(file.size_bytes or 0)
    return file.load()


def _refused(file: Incoming, load: Load, reason: str) -> ReadFile:
    """A file that cannot even be opened, or is of no readable type, is listed all the same."""
    sha256 = hashlib.sha256(b"").hexdigest()
    document_id = load.begin(file, sha256, b"")
    return ReadFile(file, document_id, sha256, load.fail(file, document_id, reason))


def read_text(
    begun: ReadFile,
    content: bytes,
    load: Load,
    converter: Converter,
    chunk_chars: int,
) -> SplitText | Outcome:
    """
    Convert a file's bytes to text and split it.

    :returns: The outcome, where the file cannot be read.
    :raises Stopped: The load was stopped or cut off.
    """
    file = begun.file
    told = partial(load.meter.recognising, file)
    # Texts hold no pictures.
    is_text = mime_of(file.source).startswith("text/")
    keeper = None if is_text else KeptPages(load.pool, begun.sha256)
    try:
        return split_text(converter.convert(content, file.source, told, keeper), chunk_chars)
    except Stopped:
        raise
    except Exception as error:
        load.task.check()  # a stop may have ended the reader
        return load.fail(file, begun.document_id, reason_of(error))


def split_text(converted: Converted, chunk_chars: int) -> SplitText:
    """Split a text into passages and tell the language of each."""
    passages = split(converted, chunk_chars)
    texts = [passage.text for passage in passages]
    language, spoken = languages.of_document(converted.text, texts)
    return SplitText(converted, passages, spoken, language)
