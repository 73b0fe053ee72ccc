"""The model card: README.md of a model's folder, with its figures. Markdown as the hub reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipelines.store import evaluations
from pipelines.store.db import Connection
from pipelines.store.models import Model

SHOWN = ("hit@1", "hit@5", "hit@10", "mrr@10", "ndcg@10")
LABELS = {"mrr@10": "MRR@10", "ndcg@10": "NDCG@10", "map@100": "MAP@100"}


def label(measure: str) -> str:
    """A measure as people write it."""
    return LABELS.get(measure, measure)


def markdown_table(figures: Mapping[str, Any]) -> str:
    """The systems of an evaluation with their figures, as Markdown."""
    lines = [
        "| system | " + " | ".join(label(name) for name in SHOWN) + " |",
        "|---|" + "---|" * len(SHOWN),
    ]
    for system in figures["systems"]:
        cells = []
        for name in SHOWN:
            cell = f"{system['figures'][name]:.3f}"
            if interval := system["intervals"].get(name):
                cell += f" ({interval['low']:.3f} to {interval['high']:.3f})"
            cells.append(cell)
        lines.append(f"| {system['name']} | " + " | ".join(cells) + " |")
    for name, (measure, value) in figures.get("beside", {}).items():
        cells = [f"{value:.3f}" if shown == measure else "" for shown in SHOWN]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def card_of(conn: Connection, model: Model) -> str | None:
    """
    A version's card with the figures of its newest evaluation, or None if its files have their own.
    """
    if model.kind == "base" or model.manifest_sha256 is None:
        return None
    found = evaluations.latest_of(conn, model.manifest_sha256)
    chosen_by = {name: value for name, value in model.metrics.items() if "heldout_" in name}
    figures = found.figures if found else None
    return model_card(model.name, model.base, model.settings, figures, training=chosen_by)


def model_card(
    name: str,
    base: str,
    settings: Mapping[str, Any],
    figures: Mapping[str, Any] | None,
    *,
    training: Mapping[str, float] | None = None,
) -> str:
    """
    A card that says what a model is, how it was made and what it reaches.

    :param figures: Figures of an evaluation that compares it. None if it was not evaluated.
    :param training: Figures by which the run chose its checkpoint, by name. None if not known.
    """
    base_model = f"base_model: {json.dumps(base)}\n" if base else ""
    parts = [
        f"---\nlibrary_name: sentence-transformers\n{base_model}"
        "pipeline_tag: sentence-similarity\n"
        "tags:\n- sentence-transformers\n- feature-extraction\n- retrieval\n- attune\n---\n",
        f"# {name}\n\nAn embedder for questions and passages, made from {base or 'a base model'} by Attune.\n",
        "## Use\n\n```python\nfrom sentence_transformers import SentenceTransformer\n\n"
        f"model = SentenceTransformer({json.dumps(name)})\n"
        'questions = model.encode_query(["..."])\npassages = model.encode_document(["..."])\n'
        "scores = model.similarity(questions, passages)\n```\n",
    ]
    if figures is None:
        parts.append("## Figures\n\nIt was not evaluated on held-out questions.\n")
    else:
        data = figures["dataset"]
        parts.append(
            f"## Figures\n\n{figures['verdict']}\n\n{markdown_table(figures)}\n\n"
            f"On {data['questions']} held-out questions over {data['passages']} passages of"
            f" `{data['name']}`; in brackets 95% intervals of a bootstrap over passages.\n"
        )
    if training:
        rows = "\n".join(f"| {name} | {value:.3f} |" for name, value in training.items())
        parts.append(
            "## In training\n\nThese decided which checkpoint was kept. They flatter; an evaluation"
            f" on questions of its own is the proof.\n\n| figure | value |\n|---|---|\n{rows}\n"
        )
    if settings:
        parts.append(
            "## Training\n\n```json\n"
            + json.dumps(dict(settings), indent=1, default=str, ensure_ascii=False)
            + "\n```\n"
        )
    return "\n".join(parts)
