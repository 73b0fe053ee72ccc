"""How each method builds the network it trains, and the model folder that comes out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.base.modules import Dense, Router
from sentence_transformers.sentence_transformer.modules import Normalize
from torch import Tensor, nn

from pipelines.errors import InputError
from training.finetune.options import TrainOptions


def load_base(folder: Path, device: str | None) -> SentenceTransformer:
    """The base model, ready to train."""
    return SentenceTransformer(str(folder), device=device, local_files_only=True)


def prepare_network(model: SentenceTransformer, options: TrainOptions) -> None:
    """
    Freeze, or add, what the method says. Changes the model in place.

    :raises InputError: The model cannot be trained this way.
    """
    if any(isinstance(module, Router) for module in model):
        raise InputError(
            f"The base model reads questions and passages by different paths; --method "
            f"{options.method} needs one with a single path, adapter takes it as it is."
        )
    backbone = model[0].auto_model
    if options.method == "lora":
        from peft import LoraConfig, TaskType

        model.add_adapter(
            LoraConfig(
                task_type=TaskType.FEATURE_EXTRACTION,
                r=options.lora_rank,
                lora_alpha=2 * options.lora_rank,
                target_modules="all-linear",
                exclude_modules=r".*pooler.*",
            )
        )
    elif options.freeze_layers:
        layers = _layers(backbone)
        if options.freeze_layers >= len(layers):
            raise InputError(
                f"--freeze-layers {options.freeze_layers}: the model has {len(layers)} layers, "
                "and one at least must train."
            )
        frozen = [backbone.get_input_embeddings(), getattr(backbone, "embeddings", nn.Identity())]
        for module in (*frozen, *layers[: options.freeze_layers]):
            module.requires_grad_(False)


def _layers(backbone: Any) -> nn.ModuleList:
    count = backbone.config.num_hidden_layers
    for module in backbone.modules():
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return module
    raise InputError("--freeze-layers: the layers of this model are not known; leave it out.")


def finished(
    trained: SentenceTransformer, base: Path, options: TrainOptions
) -> SentenceTransformer:
    """The model as it is stored: LoRA merged into the weights, the query method's two paths joined."""
    if options.method == "lora":
        return _merged(trained, load_base(base, "cpu"))
    if options.method == "query":
        frozen = load_base(base, "cpu")
        router = Router.for_query_document([*trained.cpu()], [*frozen])
        return _like(frozen, [router])
    return trained


def with_adapter(
    base: SentenceTransformer, query: tuple[Tensor, Tensor], document: tuple[Tensor, Tensor] | None
) -> SentenceTransformer:
    """
    The base model with a linear layer, added to its vectors, on one side or both.

    :param query: Weight and bias. *Shape:* ``(d, d)``, ``(d,)``
    :param document: The same for windows. If None, their vectors stay as they are.
    """
    paths = [
        [_residual(*side), Normalize()] if side is not None else [Normalize()]
        for side in (query, document)
    ]
    return _like(base, [*base, Router.for_query_document(*paths)])


def _residual(weight: Tensor, bias: Tensor) -> Dense:
    size = len(bias)
    return Dense(
        size,
        size,
        activation_function=nn.Identity(),
        init_weight=weight.clone(),
        init_bias=bias.clone(),
        use_residual=True,
    )


def _like(base: SentenceTransformer, modules: list[nn.Module]) -> SentenceTransformer:
    return SentenceTransformer(
        modules=modules,
        device="cpu",
        prompts=base.prompts,
        default_prompt_name=base.default_prompt_name,
        similarity_fn_name=base.similarity_fn_name,
    )


def _merged(trained: SentenceTransformer, base: SentenceTransformer) -> SentenceTransformer:
    from peft.tuners.lora import LoraLayer

    target = base[0].auto_model
    with torch.no_grad():
        for name, layer in trained[0].auto_model.named_modules():
            if isinstance(layer, LoraLayer):
                change = layer.get_delta_weight("default").to("cpu")
                target.get_submodule(name).weight += change
    return base


def save(model: SentenceTransformer, folder: Path) -> None:
    """Store a model folder. It appears complete, or not at all."""
    staging = folder.with_name(f".{folder.name}.staging")
    shutil.rmtree(staging, ignore_errors=True)
    model.save_pretrained(str(staging), create_model_card=False)
    shutil.rmtree(folder, ignore_errors=True)
    staging.rename(folder)
