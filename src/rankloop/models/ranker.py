"""A ranker: boosted trees over features, and how much the order that serves still counts."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from rankloop.errors import ConflictError, SettingsError, TableError

if TYPE_CHECKING:
    from pathlib import Path

    import lightgbm
    from numpy.typing import NDArray

TREES_FILE: Final = "trees.txt"
"""The trees, as LightGBM writes them; their columns are numbered, names stand beside them."""

FORM_FILE: Final = "ranker.json"
"""What the columns are called, and the part that the serving score has."""

FORM: Final = 1
"""The form written here; a ranker of a higher one is refused."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """The part of the score that comes from the one that serves already.

    Attributes:
        feature: The feature that holds the serving score.
        weight: What one unit of it adds, 0 or more.
        missing: What stands in where a document has no serving score.
    """

    feature: str
    weight: float
    missing: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.weight) and self.weight >= 0 and np.isfinite(self.missing)):
            raise SettingsError("weight must be a number of 0 or more", where="weight")


class Ranker:
    """Scores documents of one query by their features.

        score = trees(features) + weight * serving score

    The order that it gives is that of a blend of the new score and the serving one. A row's score
    hangs on that row alone. Safe to call from several threads at once.

    Args:
        trees: A LightGBM `Booster` over numbered columns.
        feature_names: Name of each column, all different.
        anchor: The serving score's part; none when left out.

    Raises:
        TableError: The names are not as many as the trees' columns, or two are equal.
        SettingsError: The anchor's feature is none of them.

    Example:
        >>> import lightgbm
        >>> x, y = np.arange(40.0)[:, None], np.repeat([1.0, 2.0], 20)
        >>> fit = {"objective": "poisson", "min_data_in_leaf": 5, "verbose": -1}
        >>> ranker = Ranker(lightgbm.train(fit, lightgbm.Dataset(x, y), 5), ["price"])
        >>> low, high = ranker.score(np.array([[3.0], [33.0]]))
        >>> bool(high > low)
        True
    """

    def __init__(
        self, trees: lightgbm.Booster, feature_names: list[str], anchor: Anchor | None = None
    ) -> None:
        if trees.num_feature() != len(feature_names):
            raise TableError(
                f"{len(feature_names)} names were given for {trees.num_feature()} features",
                where="feature_names",
            )
        if len(set(feature_names)) < len(feature_names):
            raise TableError("two features have one name", where="feature_names")
        if anchor is not None and anchor.feature not in feature_names:
            raise SettingsError(f"there is no feature {anchor.feature!r}", where="feature")
        self._trees = trees
        self.feature_names = list(feature_names)
        self.anchor = anchor

    def score(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score documents; higher is better, comparable within a query only.

        Args:
            features: `[n, n_features]` float64 in the order of `feature_names`, NaN where unknown.

        Returns:
            `[n]` float64; the logarithm of attraction, up to a constant, from trees that were
            grown on rates.

        Raises:
            TableError: The features are not as many as the ranker's.
        """
        self._check(features)
        if not features.shape[0]:
            return np.empty(0)
        trees = self._trees.predict(
            features, raw_score=True, num_threads=1, validate_features=False
        )
        return np.asarray(trees + self._anchor_part(features), dtype=np.float64)

    def contributions(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Say what each feature adds to each score, by Shapley values.

        It takes some hundred times as long as the score: explain what is shown, not all that was
        ranked.

        Args:
            features: As for `score`.

        Returns:
            `[n, n_features + 1]` float64; the last column is what every document has. Rows sum to
            the score.

        Raises:
            TableError: The features are not as many as the ranker's.

        Source: Lundberg, Erion and Lee, Consistent Individualized Feature Attribution for Tree
            Ensembles, 2018.
        """
        self._check(features)
        if not features.shape[0]:
            return np.empty((0, len(self.feature_names) + 1))
        parts = self._trees.predict(
            features, pred_contrib=True, num_threads=1, validate_features=False
        )
        shares = np.array(parts, dtype=np.float64)
        if self.anchor is not None:
            column = self.feature_names.index(self.anchor.feature)
            shares[:, column] += self._anchor_part(features)
        return shares

    def anchored(self, anchor: Anchor | None) -> Ranker:
        """Return the same trees with another part for the serving score."""
        return Ranker(self._trees, self.feature_names, anchor)

    def save(self, folder: Path) -> None:
        """Write the ranker into a folder; the same ranker gives the same bytes."""
        trees = self._trees.model_to_string().encode()
        (folder / TREES_FILE).write_bytes(trees)
        form = _Form(FORM, self.feature_names, hashlib.sha256(trees).hexdigest(), self.anchor)
        text = msgspec.json.format(msgspec.json.encode(form), indent=2)
        (folder / FORM_FILE).write_bytes(text + b"\n")

    @classmethod
    def load(cls, folder: Path) -> Ranker:
        """Read a ranker; it scores as what was saved, bit for bit.

        Raises:
            ConflictError: The folder holds no ranker, or one of a newer form, or its files do not
                belong together.
        """
        form = _read_form(folder)
        trees = _read_trees(folder, form.trees)
        try:
            return cls(trees, form.feature_names, form.anchor)
        except (TableError, SettingsError) as error:
            raise _refuse(folder, f"its files do not belong together: {error}") from error

    def _anchor_part(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what the serving score adds, `[n]`."""
        if self.anchor is None:
            return np.zeros(features.shape[0])
        served = features[:, self.feature_names.index(self.anchor.feature)]
        known = np.where(np.isnan(served), self.anchor.missing, served)
        return np.asarray(self.anchor.weight * known, dtype=np.float64)

    def _check(self, features: NDArray[np.float64]) -> None:
        if features.ndim != 2 or features.shape[1] != len(self.feature_names):
            raise TableError(
                f"features are {features.shape}, {len(self.feature_names)} columns are needed",
                where="features",
            )


class _Form(msgspec.Struct, forbid_unknown_fields=True):
    form: int
    feature_names: list[str]
    trees: str
    anchor: Anchor | None = None


class _FormNumber(msgspec.Struct):
    form: int


def _read_form(folder: Path) -> _Form:
    """Read what the columns are, whoever wrote it."""
    try:
        text = (folder / FORM_FILE).read_bytes()
        number = msgspec.json.decode(text, type=_FormNumber).form
        if number > FORM:
            raise _refuse(
                folder,
                f"it has form {number}, this version knows {FORM}",
                "Open it with the version that trained it, or a newer one.",
            )
        return msgspec.json.decode(text, type=_Form)
    except FileNotFoundError as error:
        raise _refuse(folder, f"it has no {FORM_FILE}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, SettingsError) as error:
        raise _refuse(folder, f"its {FORM_FILE} cannot be read") from error


def _read_trees(folder: Path, digest: str) -> lightgbm.Booster:
    """Read the trees, if they are what was saved."""
    import lightgbm

    try:
        text = (folder / TREES_FILE).read_bytes()
    except FileNotFoundError as error:
        raise _refuse(folder, f"it has no {TREES_FILE}") from error
    # LightGBM ends the process over some broken texts, so none gets there.
    if hashlib.sha256(text).hexdigest() != digest:
        raise _refuse(folder, f"its {TREES_FILE} is not what was saved")
    try:
        return lightgbm.Booster(model_str=text.decode())
    except lightgbm.basic.LightGBMError as error:
        raise _refuse(folder, f"its {TREES_FILE} is of another LightGBM") from error


def _refuse(folder: Path, why: str, hint: str = "") -> ConflictError:
    """Say why a folder is no ranker that can serve."""
    return ConflictError(
        f"the ranker {folder.name!r} cannot be used: {why}",
        where=str(folder),
        hint=hint or "Train it again, or bring its folder back from a copy.",
    )
