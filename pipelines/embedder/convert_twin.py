"""
Converts a sentence-transformers folder to the OpenVINO graphs of a twin (`pipelines/embedder/cpu_twin`).

Quantisation: post-training static int8 with SmoothQuant and bias correction, as `nncf` does it
for transformers (Xiao et al., 2022, https://arxiv.org/abs/2211.10438).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.embedder import model_files
from pipelines.embedder.cpu_twin import Tokens, openvino
from pipelines.embedder.local import states_tokens
from pipelines.embedder.tokens import tokenizer_file

CALIBRATION_TEXTS = 120

# What a model reads: ids and mask of one batch, by the names of the graph's inputs.
Inputs = dict[str, NDArray[np.int64]]


def convert(model: Path, out: Path, texts: Sequence[str], *, quantise: bool) -> None:
    """
    Write a model's graphs, tokenizer and configuration to a folder, with their manifest.

    :param texts: Windows of the documents it will embed. They calibrate the quantisation.
    """
    network = _load(model)
    late = states_tokens(model)
    # States of a question's tokens must come from the network that made those of documents.
    routed_first = _is_router(network[0])
    inputs = _calibration(Tokens(model, int(network.max_seq_length)), texts)
    # Not only the first module: an adapter parts the ways after pooling.
    routed = any(_is_router(module) for module in network)
    for task in ("query", "document") if routed else ("document",):
        with_states = late and not (routed_first and task == "query")
        traceable = _traceable(network, task, with_states=with_states)
        _save_graph(traceable, inputs, out / f"{task}.xml", quantise=quantise)
    shutil.copy(tokenizer_file(model), out / "tokenizer.json")
    _save_config(network, out, late=late, routed=routed_first)
    model_files.Manifest.of(out).write(out)


def crop(text: str, start: int = 0) -> str:
    """A stand-in for a question: eight words spread over the window, too few to be easy."""
    words = text.split()
    step = max(1, len(words) // 8)
    return " ".join(words[start % step :: step][:8]) or text


def _load(model: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    # Eager attention: the fused kernels have no counterpart in a traced graph.
    return SentenceTransformer(
        str(model),
        device="cpu",
        local_files_only=True,
        model_kwargs={"attn_implementation": "eager"},
    ).eval()


def _is_router(module: Any) -> bool:
    return type(module).__name__ == "Router"


def _calibration(tokens: Tokens, texts: Sequence[str]) -> list[Inputs]:
    """Windows spread over the texts, and questions cropped from half of them, as a model reads them."""
    sample = [texts[i] for i in np.linspace(0, len(texts) - 1, CALIBRATION_TEXTS).astype(int)]
    sample += [crop(text) for text in sample[::2]]
    return [
        {"input_ids": batch.ids, "attention_mask": batch.mask}
        for text in sample
        for batch in tokens([text])
    ]


def _traceable(network: Any, task: str, *, with_states: bool) -> Any:
    """
    A model as a function of tensors, which tracing needs.

    :param with_states: Whether it gives the states of the tokens too, besides the vectors.
    """
    import torch

    has_types = "token_type_ids" in network.tokenizer.model_input_names

    class Traceable(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            if has_types:
                features["token_type_ids"] = torch.zeros_like(input_ids)
            outputs = self.network.forward(features, task=task)
            if not with_states:
                return outputs["sentence_embedding"]
            return outputs["sentence_embedding"], outputs["token_embeddings"]

    return Traceable()


def _save_graph(traceable: Any, inputs: list[Inputs], file: Path, *, quantise: bool) -> None:
    import nncf
    import torch

    ov = openvino()
    example = {name: torch.tensor(values) for name, values in inputs[0].items()}
    with torch.no_grad():
        graph = ov.convert_model(traceable, example_input=example)
    if quantise:
        graph = nncf.quantize(
            graph,
            nncf.Dataset(inputs),
            model_type=nncf.ModelType.TRANSFORMER,
            subset_size=len(inputs),
            fast_bias_correction=True,
        )
    ov.save_model(graph, file, compress_to_fp16=False)


def _save_config(network: Any, out: Path, *, late: bool, routed: bool) -> None:
    """Write what `AcceleratedEncoder` reads beside the graphs."""
    config = {
        "max_tokens": int(network.max_seq_length),
        "dimension": int(network.get_embedding_dimension()),
        "prompts": dict(network.prompts),
        "late": late,
        "routed": routed,
    }
    (out / "config.json").write_text(json.dumps(config))
