"""What each method freezes, and the model that comes out of an adapter."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pipelines.errors import InputError
from training.finetune.methods.networks import load_base, prepare_network, with_adapter
from training.finetune.options import TrainOptions


@pytest.fixture
def base(tiny_model):
    return load_base(tiny_model, "cpu")


def test_an_adapter_adds_its_layer_to_the_vector_of_a_question_alone(base):
    """Weight 0 and bias (1, 0, ...): the first dimension grows by one, then the length is 1 again."""
    size = base.get_sentence_embedding_dimension()
    before = base.encode(["harbour"])[0]
    bias = torch.zeros(size)
    bias[0] = 1.0
    adapted = with_adapter(base, (torch.zeros(size, size), bias), None)
    moved = before + np.eye(size, dtype=np.float32)[0]
    question = adapted.encode_query(["harbour"])[0]
    assert np.allclose(question, moved / np.linalg.norm(moved), atol=1e-6)
    assert np.allclose(adapted.encode_document(["harbour"])[0], before, atol=1e-6)


def test_frozen_layers_and_the_embeddings_below_them_keep_their_weights(base):
    """Of two layers the lower one is frozen."""
    prepare_network(base, TrainOptions(freeze_layers=1))
    trained = {name for name, weight in base.named_parameters() if weight.requires_grad}
    assert not [name for name in trained if "embeddings" in name or "layer.0." in name]
    assert [name for name in trained if "layer.1." in name]


def test_one_layer_at_least_must_train(base):
    with pytest.raises(InputError, match="the model has 2 layers"):
        prepare_network(base, TrainOptions(freeze_layers=2))
