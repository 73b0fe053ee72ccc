"""What a model's files say without loading it, and how it embeds."""

import json
import shutil
import subprocess
import sys

import numpy as np

from pipelines.embedder import codes, local, model_files
from pipelines.embedder.local import LocalEncoder, stated_dimension, states_tokens
from pipelines.text.scoring import late


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
            "import sys; from pathlib import Path; from pipelines.embedder.local import LocalEncoder;"
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
    monkeypatch.setattr(local, "_wants_bf16", lambda device: True)
    rounded = LocalEncoder(tiny_model, device="cpu").encode_documents(texts)
    cosines = (exact * rounded).sum(axis=1)
    assert rounded.dtype == np.float32
    assert cosines.min() > 0.999
    assert not np.array_equal(exact, rounded)


def _routed(folder, tiny_model, *, seed):
    """The tiny model with another network for questions, as the method `query` stores it."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Router

    asked = SentenceTransformer(str(tiny_model), device="cpu")
    torch.manual_seed(seed)
    with torch.no_grad():
        for weights in asked[0].parameters():
            weights += 0.05 * torch.randn_like(weights)
    read = SentenceTransformer(str(tiny_model), device="cpu")
    router = Router.for_query_document([*asked], [*read])
    SentenceTransformer(modules=[router], device="cpu").save(str(folder))
    return folder


def test_codes_are_those_of_the_states_of_the_same_pass(tiny_model):
    """
    Each text has the code of all that the model reads of it, whatever it was computed with, and
    the vectors are those of `encode_documents`.
    """
    model = LocalEncoder(tiny_model, device="cpu", threads=2)
    assert model.late
    texts = [" ".join(["harbour"] * n) for n in (40, 1, 7, 23, 90, 3)] * 4
    vectors, codes = model.encode_documents_late(texts)
    assert np.allclose(vectors, model.encode_documents(texts), atol=1e-5)
    lengths = [len(ids) + 2 for ids in model.token_ids(texts)]
    assert [len(code) for code in codes] == [n * late.row_bytes(32) for n in lengths]
    alone = [model.encode_documents_late([text])[1][0] for text in texts[:6]]
    for code, again in zip(codes, alone, strict=False):
        bits = np.unpackbits(np.frombuffer(code, np.uint8) ^ np.frombuffer(again, np.uint8))
        assert bits.mean() < 0.01  # a value on the bound between two codes may fall to either side
    assert model.encode_documents_late([])[1] == []


def test_a_question_has_its_own_tokens_only(tiny_model, tmp_path):
    """Neither the special tokens nor those of the prompt, which is read all the same."""
    plain = LocalEncoder(tiny_model, device="cpu")
    text = "what of the quick fox"
    vector, tokens = plain.encode_query_late(text)
    assert np.allclose(vector, plain.encode_queries([text])[0], atol=1e-5)
    assert tokens.ids.tolist() == plain.token_ids([text])[0].tolist()
    assert np.allclose(np.linalg.norm(tokens.states, axis=1), 1, atol=1e-5)

    copy = tmp_path / "model"
    shutil.copytree(tiny_model, copy)
    settings = copy / "config_sentence_transformers.json"
    stated = json.loads(settings.read_text()) | {"prompts": {"query": "over the dog: "}}
    settings.write_text(json.dumps(stated))
    prompted = LocalEncoder(copy, device="cpu")
    vector, after = prompted.encode_query_late(text)
    assert np.allclose(vector, prompted.encode_queries([text])[0], atol=1e-5)
    assert after.ids.tolist() == tokens.ids.tolist()
    assert not np.allclose(after.states, tokens.states, atol=1e-3)


def test_states_of_a_question_fit_the_codes_of_documents(tiny_model, tmp_path):
    """
    A version that learned another network for questions searches the vectors and codes of its
    base: its questions' states are those of the base, only their vectors are its own.
    """
    base = LocalEncoder(tiny_model, device="cpu")
    tuned = LocalEncoder(_routed(tmp_path / "tuned", tiny_model, seed=1), device="cpu")
    assert tuned.late
    text = "the quick fox"
    (vector, tokens), (before, expected) = (m.encode_query_late(text) for m in (tuned, base))
    assert np.allclose(tokens.states, expected.states, atol=1e-5)
    assert np.allclose(vector, tuned.encode_queries([text])[0], atol=1e-5)
    assert not np.allclose(vector, before, atol=1e-3)
    assert np.array_equal(
        tuned.encode_documents_late([text])[1], base.encode_documents_late([text])[1]
    )


def test_the_files_of_a_model_tell_whether_it_gives_states(tiny_model, tmp_path):
    """Asked when an index is made, before the model is loaded."""
    assert states_tokens(tiny_model)
    assert not states_tokens(tmp_path)
    copy = tmp_path / "model"
    shutil.copytree(tiny_model, copy)
    listed = json.loads((copy / "modules.json").read_text())
    listed[0]["type"] = "sentence_transformers.models.StaticEmbedding"
    (copy / "modules.json").write_text(json.dumps(listed))
    assert not states_tokens(copy)


def test_codes_of_many_texts_wait_in_a_file(monkeypatch):
    """In any order, and in parts that outlive the whole."""
    monkeypatch.setattr(codes, "IN_MEMORY", 100)
    kept = codes.Codes(50)
    for place in np.random.default_rng(0).permutation(50).tolist():
        kept.put(place, bytes([place]) * place)
    part = kept[10:20]
    del kept
    assert list(part) == [bytes([place]) * place for place in range(10, 20)]
    assert part[-1] == bytes([19]) * 19
    assert len(part) == 10


def test_an_adapter_leaves_the_states_of_tokens_as_they_are(tiny_model, tmp_path):
    """It changes vectors after the transformer: what it borrows of its base still fits."""
    import torch

    from training.finetune.methods import networks

    side = (0.5 * torch.eye(32).roll(1, 0), torch.ones(32))
    adapted = networks.with_adapter(networks.load_base(tiny_model, "cpu"), side, None)
    networks.save(adapted, tmp_path / "adapted")
    base, model = (LocalEncoder(p, device="cpu") for p in (tiny_model, tmp_path / "adapted"))
    assert model.late
    (vector, tokens), (before, expected) = (m.encode_query_late("the fox") for m in (model, base))
    assert np.allclose(tokens.states, expected.states, atol=1e-5)
    assert not np.allclose(vector, before, atol=1e-2)
    assert model.encode_documents_late(["the fox"])[1] == base.encode_documents_late(["the fox"])[1]
