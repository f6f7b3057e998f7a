"""Adapters: a small step that moves a query's vector to where its documents are.

Documents keep their vectors, so a model behind an endpoint, which nobody can train, learns from
clicks all the same, and no index is filled anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

import msgspec
import numpy as np

from rankloop.errors import ConflictError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from rankloop.models.manifest import Manifest

ADAPTER_FILE: Final = "adapter.json"

_Part = Literal["matrix", "up", "down", "shift", "anchors", "steps"]
_PARTS: Final[tuple[_Part, ...]] = get_args(_Part)
_FORMS: Final = (("matrix",), ("up", "down", "shift"), ("anchors", "steps"))


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an adapter is beside its arrays."""

    base_model: str
    dimension: int
    share: float
    width: float
    parts: list[_Part]


@dataclass(frozen=True, slots=True)
class QueryAdapter:
    """A step from a query's vector `q` to a better one.

    It is a whole matrix, or a residual of low rank, or steps that known queries took and that
    queries near them take along:

        q' = normalize(matrix q)
        q' = normalize(q + up downᵀ q + shift)
        q' = normalize(q + Σ exp(-|q - anchor|² / (2 width²)) step)

    A document's score is `(1 - share) q·d + share q'·d`. That is the cosine with one vector, which
    is what `apply` returns, so that the search itself changes in nothing.

    Attributes:
        base_model: The model whose vectors it takes.
        dimension: Their length.
        share: How much of the step is taken, in [0, 1]; 0 leaves every query where it is.
        matrix: `[dimension, dimension]` float32.
        up: `[dimension, rank]` float32, with `down` and `shift`.
        down: `[dimension, rank]` float32.
        shift: `[dimension]` float32, the same for every query.
        anchors: `[n_anchors, dimension]` float32 of unit length, with `steps`.
        steps: `[n_anchors, dimension]` float32.
        width: How far from an anchor its step is taken along, above 0; as a distance.

    Raises:
        InputError: The arrays do not fit each other, or hold something that is no finite number.

    Example:
        >>> quarter_turn = np.array([[0.0, -1.0], [1.0, 0.0]], np.float32)
        >>> adapter = QueryAdapter("m", 2, share=0.5, matrix=quarter_turn)
        >>> adapter.apply(np.array([[1.0, 0.0]], np.float32)).round(2)
        array([[0.71, 0.71]], dtype=float32)
    """

    base_model: str
    dimension: int
    share: float = 1.0
    matrix: NDArray[np.float32] | None = None
    up: NDArray[np.float32] | None = None
    down: NDArray[np.float32] | None = None
    shift: NDArray[np.float32] | None = None
    anchors: NDArray[np.float32] | None = None
    steps: NDArray[np.float32] | None = None
    width: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise InputError(f"a share is in [0, 1], not {self.share}", where="share")
        if not self.width > 0.0:
            raise InputError(f"a width is above 0, not {self.width}", where="width")
        rank = 0 if self.up is None else self.up.shape[-1]
        n_anchors = 0 if self.anchors is None else len(self.anchors)
        wanted = {
            "matrix": (self.dimension, self.dimension),
            "up": (self.dimension, rank),
            "down": (self.dimension, rank),
            "shift": (self.dimension,),
            "anchors": (n_anchors, self.dimension),
            "steps": (n_anchors, self.dimension),
        }
        arrays = self._arrays()
        if tuple(arrays) not in _FORMS:
            raise InputError(
                f"an adapter is {', or '.join(' and '.join(form) for form in _FORMS)}",
                where="matrix",
            )
        for name, array in arrays.items():
            if array.shape != wanted[name] or not np.isfinite(array).all():
                raise InputError(
                    f"{name} has shape {array.shape}, {wanted[name]} finite numbers are needed",
                    where=name,
                )

    def apply(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Move queries.

        Args:
            vectors: `[n, dimension]` float32 of unit length, from `base_model`.

        Returns:
            `[n, dimension]` float32 of unit length; a query that would be moved to 0 stays.

        Raises:
            ConflictError: The vectors have another length.
        """
        if vectors.ndim != 2 or vectors.shape[1] != self.dimension:
            raise ConflictError(
                f"the adapter takes vectors of {self.dimension}, these have {vectors.shape[-1]}"
            )
        if self.share == 0.0:
            return vectors
        moved = self._move(vectors)
        blend = (1.0 - self.share) * vectors + self.share * _to_unit(moved, vectors)
        return np.asarray(_to_unit(blend, vectors), np.float32)

    def check_fits(self, model_id: str | None, dimension: int | None) -> None:
        """Make sure that queries and documents come from the model that it was trained on.

        Args:
            model_id: What fills the index; None where vectors are sent, so that nobody can tell.
            dimension: Length of the index's vectors; None where it holds none yet.

        Raises:
            ConflictError: They come from another model, or have another length.
        """
        if model_id is not None and model_id != self.base_model:
            raise ConflictError(
                f"the adapter moves queries of {self.base_model!r}, the index was filled by "
                f"{model_id!r}",
                where="/base_model",
                hint="Train an adapter on the index as it is.",
            )
        if dimension is not None and dimension != self.dimension:
            raise ConflictError(
                f"the adapter takes vectors of {self.dimension}, the index holds vectors of "
                f"{dimension}",
                where="/dimension",
                hint="Train an adapter on the index as it is.",
            )

    def save(self, folder: Path) -> None:
        """Write it into a folder; the same adapter always makes the same files."""
        arrays = self._arrays()
        form = _Form(self.base_model, self.dimension, self.share, self.width, list(arrays))
        text = msgspec.json.format(msgspec.json.encode(form), indent=2)
        (folder / ADAPTER_FILE).write_bytes(text + b"\n")
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", np.asarray(array, np.float32), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, manifest: Manifest) -> QueryAdapter:
        """Read one back.

        Args:
            folder: Where it stands, its files checked against the manifest.
            manifest: What it was said to be.

        Raises:
            ConflictError: It cannot be read, or is not what the manifest says.
        """
        try:
            form = msgspec.json.decode((folder / ADAPTER_FILE).read_bytes(), type=_Form)
            parts: dict[str, NDArray[np.float32]] = {
                name: np.load(folder / f"{name}.npy", allow_pickle=False) for name in form.parts
            }
            adapter = cls(form.base_model, form.dimension, form.share, width=form.width, **parts)
        except (OSError, ValueError, TypeError, InputError) as error:
            raise ConflictError(
                f"the adapter {manifest.model_id!r} cannot be read",
                where=str(folder),
                hint="Train it again, or bring its folder back from a copy.",
            ) from error
        if (adapter.base_model, adapter.dimension) != (manifest.base, manifest.dimension):
            raise ConflictError(
                f"the adapter {manifest.model_id!r} was trained on {adapter.base_model!r} with "
                f"{adapter.dimension} numbers, its manifest says {manifest.base!r} with "
                f"{manifest.dimension}",
                where=str(folder),
            )
        return adapter

    def _arrays(self) -> dict[_Part, NDArray[np.float32]]:
        """Return the arrays that it has, by name."""
        return {name: array for name in _PARTS if (array := getattr(self, name)) is not None}

    def _move(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return `q'` of each query, before it is brought to unit length."""
        if self.matrix is not None:
            return np.asarray(vectors @ self.matrix.T)
        if self.up is not None and self.down is not None and self.shift is not None:
            return np.asarray(vectors + (vectors @ self.down) @ self.up.T + self.shift)
        if self.anchors is not None and self.steps is not None:
            # Of unit vectors, |q - a|² = 2 (1 - q·a).
            near = np.exp((vectors @ self.anchors.T - 1.0) / self.width**2)
            return np.asarray(vectors + near @ self.steps)
        return vectors


def _to_unit(vectors: NDArray[np.float32], instead: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring rows to unit length; those that have none are replaced."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(norms > 0, vectors / np.where(norms > 0, norms, 1.0), instead)
