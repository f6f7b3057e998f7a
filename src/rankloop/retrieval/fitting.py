"""Whether a trained model goes with the documents that it is to serve."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rankloop.errors import ConflictError
from rankloop.models.adapter import QueryAdapter
from rankloop.models.feature_spec import FeatureSpec
from rankloop.models.ranker import Ranker
from rankloop.models.shelf import ServingModels

if TYPE_CHECKING:
    from rankloop.indexing.retriever_index import RetrieverIndex
    from rankloop.models.manifest import Kind
    from rankloop.models.shelf import LoadedModel, ModelShelf


def check_fit(model: LoadedModel, index: RetrieverIndex) -> None:
    """Refuse a model that does not go with an index.

    An adapter moves the vectors of one embedding model; see `QueryAdapter.check_fits`. An encoder
    makes the vectors of all documents anew, which it could not do with those that were sent. A
    ranker goes with any, if it says which features it reads.

    Raises:
        ConflictError: It does not; both sides are named.
    """
    manifest = model.manifest
    if manifest.kind == "encoder" and index.dimension is not None and index.model_id is None:
        raise ConflictError(
            f"the vectors of {manifest.retriever_id!r} were sent, so the encoder "
            f"{model.model_id!r} cannot make them anew",
            where="/model_id",
            hint="Name an embedder in the pipeline; the texts are then embedded here.",
        )
    if isinstance(model.part, QueryAdapter):
        model.part.check_fits(index.model_id, index.dimension)
    if isinstance(model.part, Ranker):
        FeatureSpec.load(model.folder).check_names(model.part.feature_names)


def keep_fitting(models: ServingModels, index: RetrieverIndex, shelf: ModelShelf) -> ServingModels:
    """Return those models that take part in rankings with an index now.

    The encoder is the one that made the vectors, whichever is to make them from now on. Of an
    adapter or a ranker that does not go with the documents, the shelf remembers why.

    Args:
        models: Those that are to serve.
        index: The documents.
        shelf: Where they stand.
    """
    kept: dict[Kind, LoadedModel] = {}
    encoder = shelf.find_encoder(index.spec.model) if index.spec else None
    if encoder is not None:
        kept["encoder"] = encoder
    for kind, model in models.loaded.items():
        if kind == "encoder":
            continue
        try:
            check_fit(model, index)
        except ConflictError as error:
            shelf.fail(model.model_id, error)
        else:
            shelf.succeed(model.model_id)
            kept[kind] = model
    return ServingModels.of(kept)


def check_made_by(encoder_id: str | None, index: RetrieverIndex, current: str | None) -> None:
    """Refuse to rank with another encoder than the one that made the vectors.

    Args:
        encoder_id: The encoder that is asked for; None for none of ours.
        index: The documents.
        current: The encoder of ours that made their vectors; None where another model did.

    Raises:
        ConflictError: They differ; both are named.
    """
    if encoder_id != current:
        raise ConflictError(
            f"the vectors of the documents are not of {encoder_id!r}, but of {index.model_id!r}",
            where="/encoder",
            hint="Promoting an encoder embeds the documents anew, in the background.",
        )
