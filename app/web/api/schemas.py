"""What the interface takes and gives, as JSON Schema. Pure."""

from __future__ import annotations

from typing import Any

from pipelines.answering.answer import MAX_QUESTION_CHARS

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
REAL: Schema = {"type": "number"}
OPTIONAL_TEXT: Schema = {"type": ["string", "null"]}
OPTIONAL_NUMBER: Schema = {"type": ["integer", "null"]}
QUESTION: Schema = {"type": "string", "minLength": 1, "maxLength": MAX_QUESTION_CHARS}
ID: Schema = {"type": "integer", "minimum": 1, "maximum": 2**63 - 1}


def record(required: Schema, optional: Schema | None = None) -> Schema:
    """An object, by the schemas of its fields."""
    properties = {**required, **(optional or {})}
    return {"type": "object", "properties": properties, "required": list(required)}


def reference(name: str) -> Schema:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def named() -> Schema:
    """The schemas that have a name."""
    error = {"message": TEXT, "type": TEXT, "param": OPTIONAL_TEXT, "code": OPTIONAL_TEXT}
    passage = {
        "document_id": NUMBER, "chunk_id": NUMBER, "title": OPTIONAL_TEXT, "source": OPTIONAL_TEXT,
        "page": OPTIONAL_NUMBER, "page_label": OPTIONAL_TEXT, "heading": OPTIONAL_TEXT, "text": TEXT, "score": REAL,
    }  # fmt: skip
    texts = {"type": "array", "items": TEXT}
    span = {"type": ["array", "null"], "items": NUMBER}
    citation = {**passage, "number": NUMBER, "span": span, "highlight": OPTIONAL_TEXT}
    return {
        "Error": record({"error": record(error)}),
        "Document": record(
            {
                "id": NUMBER, "title": OPTIONAL_TEXT, "source": TEXT, "collection": TEXT,
                "status": {"enum": ["queued", "indexing", "indexed", "failed", "duplicate"]},
                "reason": OPTIONAL_TEXT, "warnings": {"type": "array", "items": TEXT},
                "size_bytes": OPTIONAL_NUMBER, "pages": OPTIONAL_NUMBER,
                "language": OPTIONAL_TEXT, "created_at": TEXT,
            }
        ),
        "Passage": record(passage),
        "Citation": record(citation),
        "Answer": record(
            {
                "answer_id": OPTIONAL_NUMBER, "answer": TEXT,
                "citations": {"type": "array", "items": reference("Citation")},
                "model": TEXT, "kind": TEXT, "epoch": NUMBER, "note": OPTIONAL_TEXT,
                "question": TEXT, "timings_ms": {"type": "object"}, "searched_for": TEXT,
                "suggestions": texts, "no_source_cited": {"type": "boolean"},
                "dropped_citations": NUMBER, "corrected_citations": NUMBER,
                "unsupported": texts, "steps": texts, "llm": OPTIONAL_TEXT,
            }
        ),
        "Version": record(
            {
                "name": TEXT, "kind": TEXT, "state": TEXT, "reason": OPTIONAL_TEXT,
                "windows": NUMBER, "vectors": NUMBER, "loaded_by": NUMBER,
            }
        ),
        "Job": record(
            {
                "id": NUMBER, "task": TEXT, "status": TEXT, "stage": TEXT, "done": NUMBER,
                "total": OPTIONAL_NUMBER, "eta_s": {"type": ["number", "null"]},
                "by": OPTIONAL_TEXT, "fault": OPTIONAL_TEXT, "created_at": TEXT,
                "updated_at": TEXT,
            }
        ),
    }  # fmt: skip
