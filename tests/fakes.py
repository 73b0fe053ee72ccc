"""Small stand-ins, and builders of the small real things that tests run on."""

from __future__ import annotations

from pathlib import Path


def build_tiny_model(folder: Path, *, dimension: int = 32, seed: int = 0) -> Path:
    """A real sentence-transformers folder of random weights: loads in milliseconds, learns nothing."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Normalize, Pooling, Transformer
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = [f"{a}{b}" for a in "abcdefghijklmnopqrstuvwxyz" for b in "aeiou nrst"]
    tokenizer.train_from_iterator(
        [" ".join(words), "the quick brown fox jumps over the lazy dog 0123456789"],
        trainers.WordPieceTrainer(vocab_size=600, special_tokens=special),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    torch.manual_seed(seed)
    parts = folder / "transformer"
    BertModel(
        BertConfig(
            vocab_size=tokenizer.get_vocab_size(),
            hidden_size=dimension,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=dimension * 2,
            max_position_embeddings=256,
        )
    ).save_pretrained(parts)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=256,
    ).save_pretrained(parts)
    transformer = Transformer(str(parts))
    model = SentenceTransformer(
        modules=[transformer, Pooling(dimension, pooling_mode="mean"), Normalize()], device="cpu"
    )
    model.save(str(folder / "model"))
    return folder / "model"
