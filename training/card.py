"""The model card: what a model was made from and how it did, in the words of the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from training.heldout import BASE, HIT, NDCG
from training.rundir import RunSettings

TEMPLATE = """---
library_name: sentence-transformers
pipeline_tag: sentence-similarity
base_model: {base}
tags: [sentence-transformers, feature-extraction, attune]
---

# {base}, tuned for one collection of documents

An embedder fine-tuned with Attune (method `{method}`) on {pairs} pairs of question and passage.

```python
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("path/to/this/folder")
questions = model.encode_query(["..."], normalize_embeddings=True)
passages = model.encode_document(["..."], normalize_embeddings=True)
scores = questions @ passages.T
```

It was trained to find windows of {size} tokens, a new one every {stride}; cut passages alike.

## How it did in training

Figures over {heldout} held-out questions against the passages nearest to them, which decided
which checkpoint was kept. They flatter; an evaluation on questions of its own is the proof.

| | base | tuned |
|---|---|---|
| NDCG@10 | {base_ndcg} | {ndcg} |
| hit rate@5 | {base_hit} | {hit} |

## Settings

{settings}
"""


def model_card(settings: RunSettings, metrics: Mapping[str, Any]) -> str:
    """The card of a trained model, Markdown."""
    options = settings.options

    def shown(name: str) -> str:
        return f"{metrics[name]:.3f}" if name in metrics else "not measured"

    return TEMPLATE.format(
        base=settings.base_name,
        method=options.method,
        pairs=metrics["pairs"],
        heldout=metrics["heldout"],
        size=options.size_tokens,
        stride=options.stride_tokens,
        ndcg=shown(NDCG),
        hit=shown(HIT),
        base_ndcg=shown(BASE + NDCG),
        base_hit=shown(BASE + HIT),
        settings="\n".join(
            f"- {name.replace('_', ' ')}: {value}" for name, value in options.as_json().items()
        ),
    )
