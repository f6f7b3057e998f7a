"""An encoder that is trained in seconds, and a language that it can learn.

A query is two words of one language, its document the same two words of another. Who learns the
dictionary finds the documents of queries that were never asked.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

from rankloop.tables.pairs import Pair

if TYPE_CHECKING:
    from pathlib import Path

ASKED: Final = ("red", "blue", "green", "black", "white", "north", "south", "east", "west", "sea")
ANSWERED: Final = ("king", "bread", "water", "house", "stone", "music", "oil", "horse", "ox", "ice")
"""The words of documents, each the meaning of the word asked at its place."""

DIMENSION: Final = 32
WINDOW: Final = 16
"""Tokens of a text that count."""


def write_encoder(folder: Path, seed: int = 5) -> Path:
    """Write a sentence-transformers model of two layers and 32 dimensions, by chance.

    Args:
        folder: Where to; made where it is absent.
        seed: Where chance comes from.

    Returns:
        The folder of the model.
    """
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.base.modules import Normalize, Transformer
    from sentence_transformers.sentence_transformer.modules import Pooling
    from transformers import BertConfig, BertModel

    torch.manual_seed(seed)
    bare, made = folder / "bare", folder / "small-encoder"
    n_words = _write_tokenizer(bare)
    config = BertConfig(
        vocab_size=n_words,
        hidden_size=DIMENSION,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * DIMENSION,
        max_position_embeddings=2 * WINDOW,
    )
    BertModel(config).save_pretrained(bare)
    parts = [Transformer(str(bare), max_seq_length=WINDOW), Pooling(DIMENSION), Normalize()]
    model = SentenceTransformer(modules=parts, device="cpu")
    model.save_pretrained(str(made), create_model_card=False)
    return made


def write_pairs() -> list[Pair]:
    """Return a pair of each two words."""
    words = list(zip(ASKED, ANSWERED, strict=True))
    return [
        Pair(
            query=f"{one[0]} {other[0]}",
            positive_id=f"{one[1]}-{other[1]}",
            positive=f"{one[1]} {other[1]}",
            negative_ids=[],
            negatives=[],
            weight=1.0,
            evidence="corrected",
            retriever_id="products",
        )
        for one, other in combinations(words, 2)
    ]


def _write_tokenizer(folder: Path) -> int:
    """Write a tokenizer that knows the words of both languages; say how many it knows."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    words = {word: place for place, word in enumerate((*names.values(), *ASKED, *ANSWERED))}
    build_words: Any = models.WordLevel
    tokenizer = Tokenizer(build_words(words, unk_token=names["unk"]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(names[end], words[names[end]]) for end in ("sep", "cls")]
    tokenizer.post_processor = processors.BertProcessing(*ends)
    build: Any = PreTrainedTokenizerFast
    special = {f"{name}_token": token for name, token in names.items()}
    fast = build(tokenizer_object=tokenizer, **special)
    fast.save_pretrained(str(folder))
    return len(words)
