"""What a model's files say without loading it, and how it embeds."""

import json
import shutil
import subprocess
import sys

import numpy as np

from pipelines.embedder import encoder, model_files
from pipelines.embedder.encoder import LocalEncoder, stated_dimension


def test_the_files_of_a_plain_model_state_the_length_of_its_vectors(tiny_model, tmp_path):
    """
    The same as the loaded model's. With several poolings or other modules only the model knows it.
    """
    vectors = LocalEncoder(tiny_model, device="cpu").encode_documents(["harbour"])
    assert stated_dimension(tiny_model) == vectors.shape[1]

    copy = tmp_path / "model"
    shutil.copytree(tiny_model, copy)
    listed = json.loads((copy / "modules.json").read_text())
    more = [
        *listed,
        {"idx": 9, "name": "9", "path": "9_Dense", "type": "sentence_transformers.Dense"},
    ]
    (copy / "modules.json").write_text(json.dumps(more))
    assert stated_dimension(copy) is None

    (copy / "modules.json").write_text("[{")
    assert stated_dimension(copy) is None
    assert stated_dimension(tmp_path) is None


def test_counting_tokens_loads_no_model():
    """Torch takes seconds and memory that a command with an accelerated twin never needs."""
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from pipelines.embedder.encoder import LocalEncoder;"
            "e = LocalEncoder(Path(sys.argv[1])); print(e.dimension, len(e.token_offsets(['a b'])[0]),"
            " 'torch' in sys.modules)",
            str(model_files.bundled_model()),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == ["384", "2", "False"]


def test_half_precision_on_a_gpu_changes_next_to_nothing(tiny_model, monkeypatch):
    """A GPU embeds in bf16. Its vectors are searched together with vectors from a CPU."""
    texts = [f"The harbour of the {n}th town has {n} piers." for n in range(20)]
    exact = LocalEncoder(tiny_model, device="cpu").encode_documents(texts)
    monkeypatch.setattr(encoder, "_wants_bf16", lambda device: True)
    rounded = LocalEncoder(tiny_model, device="cpu").encode_documents(texts)
    cosines = (exact * rounded).sum(axis=1)
    assert rounded.dtype == np.float32
    assert cosines.min() > 0.999
    assert not np.array_equal(exact, rounded)
