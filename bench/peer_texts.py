"""
The texts that another reader makes of the files in a folder, as JSON on stdout.

It runs in a Python of its own, because readers want other versions of libraries than Attune does:
`python peer_texts.py PEER FOLDER`. It imports nothing of Attune.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
from collections.abc import Callable
from pathlib import Path


def _markitdown() -> Callable[[str], str]:
    from markitdown import MarkItDown  # type: ignore[import-not-found,unused-ignore]

    reader = MarkItDown()
    return lambda path: str(reader.convert(path).text_content)


def _unstructured() -> Callable[[str], str]:
    from unstructured.partition.auto import (  # type: ignore[import-not-found,unused-ignore]
        partition,
    )

    # Its other strategies download models.
    return lambda path: "\n\n".join(str(one) for one in partition(path, strategy="fast"))


def _docling() -> Callable[[str], str]:
    from docling.document_converter import (  # type: ignore[import-not-found,unused-ignore]
        DocumentConverter,
    )

    reader = DocumentConverter()
    return lambda path: str(reader.convert(path).document.export_to_markdown())


PEERS = {"markitdown": _markitdown, "unstructured": _unstructured, "docling": _docling}


def main() -> None:
    peer, folder = sys.argv[1:]
    found = {"version": importlib.metadata.version(peer), "texts": {}, "refused": {}}
    shown, sys.stdout = sys.stdout, sys.stderr  # what the peer prints is no JSON
    read = PEERS[peer]()
    for path in sorted(Path(folder).iterdir()):
        try:
            found["texts"][path.name] = read(str(path))
        except BaseException as error:  # whatever it raises: it did not read the file
            found["refused"][path.name] = f"{type(error).__name__}: {error}"[:300]
    json.dump(found, shown)


if __name__ == "__main__":
    main()
