"""Every click model there is, by name and by what it reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rankloop.bias.cascade import CascadeModel
from rankloop.bias.dbn import DynamicBayesianNetwork
from rankloop.bias.dcm import DependentClickModel
from rankloop.bias.pbm import PositionBasedModel
from rankloop.bias.simplified_dbn import SimplifiedDBN
from rankloop.bias.ubm import UserBrowsingModel

if TYPE_CHECKING:
    from rankloop.bias.base import ClickModel
    from rankloop.bias.cells import Cells
    from rankloop.bias.tails import Tails

CELL_MODELS: Final[dict[str, type[ClickModel[Cells, Any]]]] = {
    "pbm": PositionBasedModel,
    "ubm": UserBrowsingModel,
    "cascade": CascadeModel,
}
"""Models that are fitted to cells."""

TAIL_MODELS: Final[dict[str, type[ClickModel[Tails, Any]]]] = {
    "dcm": DependentClickModel,
    "simplified_dbn": SimplifiedDBN,
    "dbn": DynamicBayesianNetwork,
}
"""Models that are fitted to tails."""

MODELS: Final = CELL_MODELS | TAIL_MODELS
"""All of them."""
