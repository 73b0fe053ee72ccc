"""The one table of what Attune reads: names, types and endings. Everything that lists them asks here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePath

from pipelines.errors import InputError

OFFICE = "application/vnd.openxmlformats-officedocument."
OPEN = "application/vnd.oasis.opendocument."


@dataclass(frozen=True)
class Kind:
    """
    Files of one type.

    :param name: What people call them.
    :param endings: In small letters, with their dot.
    :param names: Whole file names that need no ending, in small letters.
    :param text_share: Characters of text in a byte of such a file, roughly.
    """

    name: str
    mime: str
    endings: tuple[str, ...]
    names: tuple[str, ...] = ()
    text_share: float = 1.0


def _endings(text: str) -> tuple[str, ...]:
    return tuple(f".{ending}" for ending in text.split())


KINDS = (
    Kind("PDF", "application/pdf", (".pdf",), text_share=0.1),
    Kind("Word", OFFICE + "wordprocessingml.document", (".docx",), text_share=0.3),
    Kind("PowerPoint", OFFICE + "presentationml.presentation", (".pptx",), text_share=0.05),
    Kind("Excel", OFFICE + "spreadsheetml.sheet", (".xlsx",)),
    Kind("Word", "application/msword", (".doc",), text_share=0.3),
    Kind("PowerPoint", "application/vnd.ms-powerpoint", (".ppt",), text_share=0.05),
    Kind("Excel", "application/vnd.ms-excel", (".xls",)),
    Kind("OpenDocument", OPEN + "text", (".odt",), text_share=0.5),
    Kind("OpenDocument", OPEN + "spreadsheet", (".ods",)),
    Kind("OpenDocument", OPEN + "presentation", (".odp",), text_share=0.05),
    Kind("RTF", "application/rtf", (".rtf",), text_share=0.5),
    Kind("EPUB", "application/epub+zip", (".epub",), text_share=0.5),
    Kind("e-mail", "message/rfc822", (".eml",), text_share=0.5),
    Kind("e-mail", "application/vnd.ms-outlook", (".msg",), text_share=0.2),
    Kind("HTML", "text/html", _endings("html htm xhtml"), text_share=0.3),
    Kind("Markdown", "text/markdown", _endings("md markdown")),
    Kind(
        "text",
        "text/plain",
        _endings("txt text log rst adoc asciidoc org tex"),
        ("readme", "license", "licence", "changelog", "authors", "notice", "copying"),
    ),
    Kind("calendars and contacts", "text/calendar", _endings("ics vcf")),
    Kind("CSV", "text/csv", _endings("csv tsv")),
    Kind("JSON", "application/json", _endings("json geojson")),
    Kind("JSON", "application/jsonl", _endings("jsonl ndjson")),
    Kind("XML", "application/xml", (".xml",), text_share=0.5),
    Kind("notebooks", "application/x-ipynb+json", (".ipynb",), text_share=0.5),
    Kind("subtitles", "application/x-subrip", (".srt",)),
    Kind("subtitles", "text/vtt", (".vtt",)),
    Kind(
        "source code",
        "text/x-source",
        _endings(
            "py pyi js mjs cjs jsx ts tsx java kt kts scala groovy gradle c h cc cpp cxx hh hpp cs"
            " go rs rb php swift m mm pl pm r jl lua sh bash zsh fish ps1 bat cmd sql dart ex exs"
            " erl hs clj vb f90 s asm proto graphql tf vue svelte css scss less yaml yml toml ini"
            " cfg conf properties cmake diff patch"
        ),
        ("makefile", "dockerfile", "containerfile", "jenkinsfile", "rakefile", "gemfile"),
    ),
    Kind("pictures", "image/*", _endings("png jpg jpeg tif tiff webp"), text_share=0.001),
    Kind("ZIP", "application/zip", (".zip",)),
    Kind(
        "TAR", "application/x-tar", _endings("tar tgz tar.gz tbz2 tar.bz2 txz tar.xz"), text_share=3
    ),
)
# What people try, and what to do instead.
_INSTEAD = {
    ".dot": "save it as DOCX", ".pages": "export it as PDF or DOCX",
    ".numbers": "export it as XLSX", ".key": "export it as PDF or PPTX", ".mobi": "save it as EPUB",
    ".azw3": "save it as EPUB", ".rar": "pack it as ZIP", ".7z": "pack it as ZIP",
    ".gz": "unpack it, or pack it as TAR", ".djvu": "save it as PDF", ".ps": "save it as PDF",
    ".pst": "export its messages as EML", ".mbox": "export its messages as EML",
}  # fmt: skip


def kind_of(name: str) -> Kind:
    """
    The kind of a file by its name. An address of the web that names no file is one of a page.

    :raises InputError: Not a kind that can be read.
    """
    is_address = name.startswith(("http://", "https://"))
    path = name.split("/", 3)[-1] if is_address and name.count("/") > 2 else name
    bare = PurePath(path.replace("\\", "/")).name.lower()
    for kind in KINDS:
        if bare in kind.names or (bare.endswith(kind.endings) and bare not in kind.endings):
            return kind
    if is_address:
        return next(kind for kind in KINDS if kind.name == "HTML")
    suffix = PurePath(bare).suffix
    shown = f"{suffix} files are" if suffix else "files without an ending are"
    raise InputError(f"{shown} not read; {_INSTEAD.get(suffix, f'save it as one of {readable()}')}")


def mime_of(name: str) -> str:
    """
    The type of a file by its name.

    :raises InputError: Not a type that can be read.
    """
    return kind_of(name).mime


def endings() -> list[str]:
    """All endings that are read, sorted."""
    return sorted(ending for kind in KINDS for ending in kind.endings)


def whole_names() -> list[str]:
    """All names that are read without an ending, in small letters, sorted."""
    return sorted(name for kind in KINDS for name in kind.names)


def readable() -> str:
    """What is read, in words: *PDF, Word, ... and TAR*."""
    names = list(dict.fromkeys(kind.name for kind in KINDS))
    return f"{', '.join(names[:-1])} and {names[-1]}"


def table() -> str:
    """Each kind with its endings, as a Markdown table."""
    lines = ["| kind | endings |", "|---|---|"]
    for name in dict.fromkeys(kind.name for kind in KINDS):
        own = [kind for kind in KINDS if kind.name == name]
        endings = [f"`{ending}`" for kind in own for ending in kind.endings]
        whole = [f"`{bare}`" for kind in own for bare in kind.names]
        lines.append(f"| {name} | {' '.join([*endings, *whole])} |")
    return "\n".join(lines) + "\n"
