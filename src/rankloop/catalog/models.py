"""Models: how far each has come, which one serves, and the evidence for every step."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from rankloop.catalog.database import open_catalog
from rankloop.catalog.model_succession import REMOVED, ROLLED_BACK, find_served_before
from rankloop.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

_METADATA: Final = MetaData()

MODELS: Final = Table(
    "models",
    _METADATA,
    Column("model_id", String(128), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("retriever_id", String(128), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

TRANSITIONS: Final = Table(
    "model_transitions",
    _METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("model_id", String(128), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("state_before", String(16), nullable=True),
    Column("state_after", String(16), nullable=False),
    Column("decided_by", String(64), nullable=False),
    Column("why", Text, nullable=False),
    Column("evidence", Text, nullable=False),
)

STEPS: Final[dict[str, frozenset[str]]] = {
    "trained": frozenset({"rejected", "shadow", "promoted"}),
    "rejected": frozenset({"shadow", "promoted"}),
    "shadow": frozenset({"rejected", "promoted"}),
    "promoted": frozenset({"retired"}),
    "retired": frozenset({"promoted"}),
}
"""Where a model may go from each state."""


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """One model on record.

    Attributes:
        model_id: Its name, and that of its folder.
        kind: `adapter`, `encoder` or `ranker`.
        retriever_id: Whose queries it serves.
        state: `trained`, `rejected`, `shadow`, `promoted` or `retired`.
        created_at: Microseconds UTC.
    """

    model_id: str
    kind: str
    retriever_id: str
    state: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Decision:
    """Why a model goes from one state to another.

    Attributes:
        decided_by: `training`, `gate`, `operator`, `forced` for an operator against the gate, or
            `erasure`.
        why: One sentence.
        evidence: Estimates, intervals, data window: whatever the decision stood on.
    """

    decided_by: str
    why: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of one model, never changed once written."""

    model_id: str
    at: int
    """Microseconds UTC."""
    state_before: str | None
    state_after: str
    decision: Decision


class ModelCatalog:
    """The models of one data folder.

    Which model serves a retriever is held in memory; a change is in use once it is written, and
    at most one model of each kind serves a retriever at any moment.

    Args:
        path: The catalog's file; made if absent.
        now_us: The clock, in microseconds UTC.

    Example:
        >>> import tempfile
        >>> catalog = ModelCatalog(Path(tempfile.mkdtemp()) / "catalog.db", lambda: 0)
        >>> for name in ("m1", "m2"):
        ...     _ = catalog.add(name, "ranker", "products")
        ...     _ = catalog.promote(name, Decision("gate", "better by .02"))
        >>> catalog.serving("products", "ranker").model_id
        'm2'
        >>> catalog.roll_back("m2", Decision("operator", "slow")).model_id
        'm1'
        >>> catalog.close()
    """

    def __init__(self, path: Path, now_us: Callable[[], int]) -> None:
        self._engine = open_catalog(Path(path))
        self._now_us = now_us
        self._lock = threading.Lock()
        self._serving: dict[tuple[str, str], ModelRecord] = {}
        self._reload()

    def serving(self, retriever_id: str, kind: str) -> ModelRecord | None:
        """Return the model of a kind that serves a retriever; None where none does."""
        return self._serving.get((retriever_id, kind))

    def all_serving(self) -> Sequence[ModelRecord]:
        """Return every model that serves, of all retrievers."""
        return list(self._serving.values())

    def find(self, model_id: str) -> ModelRecord:
        """Return one model.

        Raises:
            NotFoundError: There is no such model.
        """
        with self._engine.connect() as connection:
            return _find(connection, model_id)

    def list(
        self,
        retriever_id: str | None = None,
        kind: str | None = None,
        state: str | None = None,
    ) -> Sequence[ModelRecord]:
        """List models, newest first; those of a retriever, a kind and a state."""
        query = select(MODELS).order_by(MODELS.c.created_at.desc(), MODELS.c.model_id)
        if retriever_id is not None:
            query = query.where(MODELS.c.retriever_id == retriever_id)
        if kind is not None:
            query = query.where(MODELS.c.kind == kind)
        if state is not None:
            query = query.where(MODELS.c.state == state)
        with self._engine.connect() as connection:
            return [_to_record(row) for row in connection.execute(query)]

    def history(self, model_id: str) -> Sequence[Transition]:
        """List the steps of a model, oldest first.

        Raises:
            NotFoundError: There is no such model.
        """
        query = select(TRANSITIONS).where(TRANSITIONS.c.model_id == model_id)
        with self._engine.connect() as connection:
            _find(connection, model_id)
            rows = connection.execute(query.order_by(TRANSITIONS.c.number)).all()
        return [_to_transition(row) for row in rows]

    def add(self, model_id: str, kind: str, retriever_id: str) -> ModelRecord:
        """Put a trained model on record.

        Raises:
            ConflictError: There is one of this name.
        """
        with self._lock, self._engine.begin() as connection:
            if connection.execute(select(MODELS).where(MODELS.c.model_id == model_id)).first():
                raise ConflictError(f"there is a model {model_id!r} already", where="/model_id")
            made = ModelRecord(model_id, kind, retriever_id, "trained", self._now_us())
            connection.execute(
                insert(MODELS).values(
                    model_id=model_id,
                    kind=kind,
                    retriever_id=retriever_id,
                    state=made.state,
                    created_at=made.created_at,
                )
            )
            self._note(connection, model_id, None, made.state, Decision("training", "it is new"))
        return made

    def move(self, model_id: str, state: str, decision: Decision) -> ModelRecord:
        """Put a model into `rejected` or `shadow`; serving changes by `promote` alone.

        Raises:
            NotFoundError: There is no such model.
            ConflictError: It may not go there from where it is.
        """
        if state not in ("rejected", "shadow"):
            raise ConflictError(f"a model is not put into {state!r} by hand", where="/state")
        with self._lock, self._engine.begin() as connection:
            return self._step(connection, _find(connection, model_id), state, decision)

    def promote(self, model_id: str, decision: Decision) -> ModelRecord:
        """Let a model serve; the one that served until now is retired in the same moment.

        Promoting what serves already changes nothing.

        Raises:
            NotFoundError: There is no such model.
        """
        with self._lock:
            with self._engine.begin() as connection:
                model = _find(connection, model_id)
                if model.state == "promoted":
                    return model
                self._retire_serving(connection, model, decision)
                promoted = self._step(connection, model, "promoted", decision)
            self._reload()
        return promoted

    def roll_back(self, model_id: str, decision: Decision) -> ModelRecord | None:
        """Retire a serving model and let the one before it serve again, if there was one.

        See `find_served_before`.

        Returns:
            The model that serves from now on; None where none does.

        Raises:
            NotFoundError: There is no such model.
            ConflictError: It does not serve.
        """
        with self._lock:
            with self._engine.begin() as connection:
                model = _find(connection, model_id)
                if model.state != "promoted":
                    raise ConflictError(
                        f"the model {model_id!r} does not serve: it is {model.state}",
                        where="/model_id",
                        hint="`rankloop models list` shows which one does.",
                    )
                before = find_served_before(_read_steps(connection, model))
                evidence = {**decision.evidence, ROLLED_BACK: model_id}
                decision = replace(decision, evidence=evidence)
                self._step(connection, model, "retired", decision)
                earlier = None
                if before is not None:
                    earlier = _find(connection, before)
                    earlier = self._step(connection, earlier, "promoted", decision)
            self._reload()
        return earlier

    def retire_all(self, retriever_id: str, why: str) -> None:
        """Let no model serve a retriever, which is being removed."""
        decision = Decision("operator", why, {REMOVED: retriever_id})
        with self._lock:
            serving = [one for one in self._serving.values() if one.retriever_id == retriever_id]
            with self._engine.begin() as connection:
                for model in serving:
                    self._step(connection, model, "retired", decision)
            self._reload()

    def mark(self, model_ids: Iterable[str], decision: Decision) -> None:
        """Write something down about models, whose states stay."""
        with self._lock, self._engine.begin() as connection:
            for model_id in model_ids:
                state = _find(connection, model_id).state
                self._note(connection, model_id, state, state, decision)

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()

    def _retire_serving(
        self, connection: Connection, successor: ModelRecord, decision: Decision
    ) -> None:
        """Retire what a model takes the place of."""
        current = self._serving.get((successor.retriever_id, successor.kind))
        if current is not None:
            self._step(connection, current, "retired", decision)

    def _step(
        self, connection: Connection, model: ModelRecord, state: str, decision: Decision
    ) -> ModelRecord:
        """Change a model's state, and write down why."""
        if state not in STEPS[model.state]:
            raise ConflictError(
                f"the model {model.model_id!r} is {model.state} and cannot become {state}",
                where="/model_id",
            )
        known = MODELS.c.model_id == model.model_id
        connection.execute(update(MODELS).where(known).values(state=state))
        self._note(connection, model.model_id, model.state, state, decision)
        return ModelRecord(model.model_id, model.kind, model.retriever_id, state, model.created_at)

    def _note(
        self,
        connection: Connection,
        model_id: str,
        before: str | None,
        after: str,
        decision: Decision,
    ) -> None:
        """Write a step down."""
        connection.execute(
            insert(TRANSITIONS).values(
                model_id=model_id,
                at=self._now_us(),
                state_before=before,
                state_after=after,
                decided_by=decision.decided_by,
                why=decision.why,
                evidence=msgspec.json.encode(decision.evidence, order="sorted").decode(),
            )
        )

    def _reload(self) -> None:
        """Read which models serve."""
        query = select(MODELS).where(MODELS.c.state == "promoted")
        with self._engine.connect() as connection:
            records = [_to_record(row) for row in connection.execute(query)]
        self._serving = {(record.retriever_id, record.kind): record for record in records}


def _find(connection: Connection, model_id: str) -> ModelRecord:
    """Return one model, or say that there is none."""
    row = connection.execute(select(MODELS).where(MODELS.c.model_id == model_id)).first()
    if row is None:
        raise NotFoundError(
            f"there is no model {model_id!r}",
            where="/model_id",
            hint="`rankloop models list` shows their names.",
        )
    return _to_record(row)


def _read_steps(connection: Connection, model: ModelRecord) -> list[Transition]:
    """Read every step of the models that stand in a model's line, oldest first."""
    query = (
        select(TRANSITIONS)
        .join(MODELS, TRANSITIONS.c.model_id == MODELS.c.model_id)
        .where(MODELS.c.retriever_id == model.retriever_id, MODELS.c.kind == model.kind)
        .order_by(TRANSITIONS.c.number)
    )
    return [_to_transition(row) for row in connection.execute(query)]


def _to_transition(row: Any) -> Transition:  # noqa: ANN401 a row of SQLAlchemy
    """Read one row."""
    decision = Decision(row.decided_by, row.why, msgspec.json.decode(row.evidence))
    return Transition(row.model_id, row.at, row.state_before, row.state_after, decision)


def _to_record(row: Any) -> ModelRecord:  # noqa: ANN401 a row of SQLAlchemy
    """Read one row."""
    return ModelRecord(row.model_id, row.kind, row.retriever_id, row.state, row.created_at)
