"""Changes of low rank (LoRA): the model's matrices stay, a product of two thin ones is added."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import nn

SCALE: Final = 2.0
"""What the product is multiplied with."""


def add_low_rank(model: nn.Module, rank: int, seed: int) -> int:
    """Freeze a model and give each of its linear layers a change that can be learned.

    `W + 2 B A` with `A` `[rank, n_in]` by chance and `B` `[n_out, rank]` of zeros, so that the
    model is at first what it was. A rank above half of a layer's shorter side is cut to that.

    Args:
        model: What is changed.
        rank: 1 or more.
        seed: Where chance comes from.

    Returns:
        How many numbers can be learned.

    Source: Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022, section 4.1.
    """
    import torch
    from torch import nn
    from torch.nn.utils import parametrize

    generator = torch.Generator().manual_seed(seed)

    class LowRank(nn.Module):
        """Adds the product of two thin matrices to a matrix."""

        def __init__(self, weight: torch.Tensor) -> None:
            super().__init__()
            n_out, n_in = weight.shape
            n_thin = max(1, min(rank, min(n_out, n_in) // 2))
            drawn = torch.randn(n_thin, n_in, generator=generator) / n_in**0.5
            self.inner = nn.Parameter(drawn.to(weight))
            self.outer = nn.Parameter(torch.zeros(n_out, n_thin).to(weight))

        def forward(self, weight: torch.Tensor) -> torch.Tensor:
            """Return the changed matrix."""
            return weight + SCALE * self.outer @ self.inner

    model.requires_grad_(requires_grad=False)
    layers = [layer for layer in model.modules() if isinstance(layer, nn.Linear)]
    for layer in layers:
        parametrize.register_parametrization(layer, "weight", LowRank(layer.weight))
    return sum(each.numel() for each in model.parameters() if each.requires_grad)


def merge_low_rank(model: nn.Module) -> None:
    """Make the changes part of the matrices; a model without any stays as it is."""
    from torch.nn.utils import parametrize

    for layer in model.modules():
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
