"""Trained models: which there are, which rank, and letting them in and out of service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from rankloop.client.calls import Call, Operation, encode, quote_step, read_json
from rankloop.tables.models import Model, ModelDetails, ModelRollback, Models

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rankloop.client.calling import AsyncCaller, Caller

PATH = "/v1/models"


class ModelFilters(TypedDict, total=False):
    """Which models; all when left out."""

    retriever_id: str
    kind: str
    """`adapter`, `encoder` or `ranker`."""
    state: str
    """`trained`, `rejected`, `shadow`, `promoted` or `retired`."""


def _list(filters: Mapping[str, Any]) -> Operation[Models]:
    return Operation(Call("GET", PATH, filters), read_json(Models))


def _get(model_id: str) -> Operation[ModelDetails]:
    return Operation(Call("GET", f"{PATH}/{quote_step(model_id)}"), read_json(ModelDetails))


def _promote(model_id: str, why: str | None, *, force: bool) -> Operation[Model]:
    body: dict[str, Any] = {"force": True} if force else {}
    return Operation(_post(model_id, "promote", body, why), read_json(Model))


def _rollback(model_id: str, why: str | None) -> Operation[ModelRollback]:
    return Operation(_post(model_id, "rollback", {}, why), read_json(ModelRollback))


def _post(model_id: str, step: str, body: dict[str, Any], why: str | None) -> Call:
    """Build a request that changes what serves."""
    said = body if why is None else {**body, "why": why}
    return Call("POST", f"{PATH}/{quote_step(model_id)}/{step}", body=encode(said))


class RegisteredModels:
    """Every trained model: `loop.models`."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(self, **filters: Unpack[ModelFilters]) -> Models:
        """Return models, newest first.

        Args:
            **filters: Which; see `ModelFilters`.
        """
        return self._caller.run(_list(filters))

    def get(self, model_id: str) -> ModelDetails:
        """Return all that is known of a model: its manifest, its measures, its steps.

        Raises:
            NotFoundError: There is no such model.
        """
        return self._caller.run(_get(model_id))

    def promote(self, model_id: str, *, force: bool = False, why: str | None = None) -> Model:
        """Let a model rank, in place of the one of its kind that does, without a restart.

        Args:
            model_id: Which.
            force: Whether also against the gate, which goes on record.
            why: The reason, for the record.

        Returns:
            The model as it is now. An encoder ranks once all documents were embedded with it.

        Raises:
            NotFoundError: There is no such model.
            ConflictError: The gate has not let it pass, it was changed, or it does not go with
                the documents. What ranked before goes on.
        """
        return self._caller.run(_promote(model_id, why, force=force))

    def rollback(self, model_id: str, *, why: str | None = None) -> ModelRollback:
        """Take a model out of service, and let the one before it rank again.

        Args:
            model_id: Which.
            why: The reason, for the record.

        Raises:
            NotFoundError: There is no such model.
            ConflictError: It does not serve.
        """
        return self._caller.run(_rollback(model_id, why))


class AsyncRegisteredModels:
    """The same for asynchronous code; see `RegisteredModels`."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def list(self, **filters: Unpack[ModelFilters]) -> Models:
        """Return models, newest first."""
        return await self._caller.run(_list(filters))

    async def get(self, model_id: str) -> ModelDetails:
        """Return all that is known of a model."""
        return await self._caller.run(_get(model_id))

    async def promote(self, model_id: str, *, force: bool = False, why: str | None = None) -> Model:
        """Let a model rank, in place of the one of its kind that does."""
        return await self._caller.run(_promote(model_id, why, force=force))

    async def rollback(self, model_id: str, *, why: str | None = None) -> ModelRollback:
        """Take a model out of service, and let the one before it rank again."""
        return await self._caller.run(_rollback(model_id, why))
