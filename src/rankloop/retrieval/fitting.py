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
    """Return those models that go with an index now; others serve once they do.

    An encoder takes part once the index holds its vectors. Of an adapter or a ranker that does not
    go with the documents, the shelf remembers why.

    Args:
        models: Those that are to serve.
        index: The documents.
        shelf: Where they stand.
    """
    kept: dict[Kind, LoadedModel] = {}
    for kind, model in models.loaded.items():
        if kind == "encoder":
            if is_embedded_with(index, model):
                kept[kind] = model
            continue
        try:
            check_fit(model, index)
        except ConflictError as error:
            shelf.fail(model.model_id, error)
        else:
            shelf.succeed(model.model_id)
            kept[kind] = model
    return ServingModels.of(kept)


def is_embedded_with(index: RetrieverIndex, encoder: LoadedModel) -> bool:
    """Say whether the vectors of an index were made by an encoder."""
    return index.spec is not None and index.spec.model == str(encoder.folder)
