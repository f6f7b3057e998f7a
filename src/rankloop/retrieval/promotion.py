"""Models let into service and taken out again, while requests go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rankloop.catalog.models import Decision
from rankloop.errors import ConflictError
from rankloop.indexing.embedders import EmbedderSpec
from rankloop.retrieval.fitting import check_fit

if TYPE_CHECKING:
    from rankloop.catalog.models import ModelRecord
    from rankloop.indexing.library import Library
    from rankloop.models.shelf import LoadedModel, ModelShelf
    from rankloop.retrieval.serving import Serving

PASSED: Final = frozenset({"shadow", "retired"})
"""States of models that the gate let pass: by hand, no other is promoted without force."""


class Promotion:
    """Changes which models serve.

    Whatever could keep a model from serving is found before anything changes: until a promotion
    is written down, and wherever it is refused, the model before it serves. Requests under way
    finish with the models they began with.

    Args:
        serving: What builds pipelines.
        models: Every model.
        library: The documents, which an encoder embeds anew.
    """

    def __init__(self, serving: Serving, models: ModelShelf, library: Library) -> None:
        self._serving = serving
        self._models = models
        self._library = library

    def promote(self, model_id: str, decision: Decision) -> ModelRecord:
        """Let a model serve, in place of the one of its kind that does.

        An encoder serves once all documents were embedded anew, in the background.

        Args:
            model_id: Which.
            decision: Who decided, why, and on what evidence.

        Raises:
            NotFoundError: There is no such model, or its retriever is gone.
            ConflictError: It was changed, is of a newer form, or does not go with the documents.
            SettingsError: The encoder cannot be run here.
            PipelineError: The pipeline cannot be built with it.
        """
        record = self._models.catalog.find(model_id)
        if record.state == "promoted":
            return record
        self._try(self._models.check(model_id))
        promoted = self._models.catalog.promote(model_id, decision)
        self._follow(promoted)
        return promoted

    def promote_by_hand(self, model_id: str, why: str, *, is_forced: bool) -> ModelRecord:
        """Let a model serve because somebody says so.

        Args:
            model_id: Which.
            why: The reason, for the record.
            is_forced: Whether also against the gate; that goes on record.

        Raises:
            ConflictError: The gate did not let it pass, and nobody forces it; or as `promote`.
        """
        record = self._models.catalog.find(model_id)
        has_passed = record.state in PASSED or record.state == "promoted"
        if not (has_passed or is_forced):
            raise ConflictError(
                f"the gate has not let the model {model_id!r} pass: it is {record.state}",
                where="/force",
                hint="Let `rankloop learn` judge it, or force it; that goes on record.",
            )
        decided_by = "operator" if has_passed else "forced"
        return self.promote(model_id, Decision(decided_by, why, {"state": record.state}))

    def roll_back(self, model_id: str, why: str) -> ModelRecord | None:
        """Take a model out of service, and let the one before it serve again.

        Returns:
            What serves from now on; None where there was none before.

        Raises:
            NotFoundError: There is no such model.
            ConflictError: It does not serve.
        """
        record = self._models.catalog.find(model_id)
        earlier = self._models.catalog.roll_back(model_id, Decision("operator", why))
        self._follow(record)
        return earlier

    def _try(self, model: LoadedModel) -> None:
        """Find out whether a model could serve."""
        manifest = model.manifest
        retriever_id = manifest.retriever_id
        self._serving.check_known(retriever_id)
        check_fit(model, self._library.open(retriever_id))
        if manifest.kind == "encoder":
            self._library.check_embedder(EmbedderSpec("local", str(model.folder)))
        else:
            self._serving.pipeline(retriever_id, {manifest.kind: model.model_id})

    def _follow(self, record: ModelRecord) -> None:
        """Let the documents follow a change of encoders."""
        if record.kind == "encoder":
            self._library.catch_up(record.retriever_id)
