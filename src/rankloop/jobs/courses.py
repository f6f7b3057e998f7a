"""How learning trains each kind of model, and from how much data on."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final

from rankloop.jobs.learning import Lack, Trained
from rankloop.jobs.training_adapter import AdapterParameters
from rankloop.jobs.training_adapter import explain as explain_adapter
from rankloop.jobs.training_encoder import EncoderParameters
from rankloop.jobs.training_encoder import explain as explain_encoder
from rankloop.jobs.training_ranker import RankerParameters
from rankloop.jobs.training_ranker import explain as explain_ranker
from rankloop.training.ranker_rows import list_ranker_needs
from rankloop.training.yields import ENCODER_QUERIES, find_needs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rankloop.indexing.embedders import EmbedderSpec
    from rankloop.indexing.library import Library
    from rankloop.jobs.context import JobContext
    from rankloop.jobs.training_adapter import AdapterTraining
    from rankloop.jobs.training_encoder import EncoderTraining
    from rankloop.jobs.training_ranker import RankerTraining
    from rankloop.models.shelf import ModelShelf
    from rankloop.tables.pairs import Need
    from rankloop.tables.windows import InsightsWindow

TRAINER_PACKAGE: Final = "sentence_transformers"
"""What fine-tuning takes; `rankloop[train]` brings it."""


class RankerCourse:
    """Trains a ranker where there are queries, searches and clicks enough.

    Args:
        training: What trains it.
    """

    def __init__(self, training: RankerTraining) -> None:
        self._training = training

    def find_lack(self, retriever_id: str, figures: Mapping[str, Any]) -> Lack | None:
        """Say why no ranker is trained; None where one is."""
        if figures.get("propensities") == "not_identifiable" and figures.get("clicks"):
            return Lack("position and document cannot be told apart in this log")
        needs = list_ranker_needs(
            n_queries=figures.get("queries", 0),
            n_searches=figures.get("searches", 0),
            n_clicks=figures.get("clicks", 0),
            n_impressions=figures.get("impressions", 0),
            n_rows=figures.get("documents_shown", 0),
        )
        if not needs:
            return None
        instead = "boosting by popularity takes less"
        return Lack(f"there are too few {_name(needs)} for a ranker; {instead}", needs)

    def train(self, context: JobContext, retriever_id: str, window: InsightsWindow) -> Trained:
        """Train a ranker."""
        parameters = RankerParameters(
            retriever_id=retriever_id, start=window.start, end=window.end, hold_out=True
        )
        manifest = self._training.train(context, parameters)
        return Trained(manifest, explain_ranker(manifest))


class AdapterCourse:
    """Trains an adapter where queries have vectors and there are pairs enough.

    Args:
        training: What trains it.
        documents: What says which model makes the vectors.
        models: What says whether training itself found it no better.
    """

    def __init__(self, training: AdapterTraining, documents: Library, models: ModelShelf) -> None:
        self._training = training
        self._documents = documents
        self._models = models

    def find_lack(self, retriever_id: str, figures: Mapping[str, Any]) -> Lack | None:
        """Say why no adapter is trained; None where one is."""
        if not _has_vectors(self._documents, retriever_id):
            return Lack("the retriever has no embedder, so there are no vectors to move")
        needs = _find_pair_needs(figures)
        if not needs:
            return None
        instead = "a ranker takes fewer queries"
        return Lack(f"the pairs have too few {_name(needs)} for an adapter; {instead}", needs)

    def train(self, context: JobContext, retriever_id: str, window: InsightsWindow) -> Trained:
        """Train an adapter."""
        parameters = AdapterParameters(
            retriever_id=retriever_id, start=window.start, end=window.end
        )
        manifest = self._training.train(context, parameters)
        state = self._models.catalog.find(manifest.model_id).state
        return Trained(manifest, explain_adapter(manifest), is_rejected=state == "rejected")


class EncoderCourse:
    """Fine-tunes the retriever's own local model where there are pairs enough for that.

    Args:
        training: What trains it.
        documents: What says which model makes the vectors.
        models: What says whether training itself found it no better.
    """

    def __init__(self, training: EncoderTraining, documents: Library, models: ModelShelf) -> None:
        self._training = training
        self._documents = documents
        self._models = models

    def find_lack(self, retriever_id: str, figures: Mapping[str, Any]) -> Lack | None:
        """Say why no encoder is trained; None where one is."""
        spec = self._documents.open(retriever_id).spec
        if spec is None or spec.kind != "local":
            return Lack("the retriever's vectors do not come from a model of its own")
        if find_spec(TRAINER_PACKAGE) is None:
            return Lack("fine-tuning takes `pip install rankloop[train]`, which is not there")
        needs = _find_pair_needs(figures, ENCODER_QUERIES)
        if not needs:
            return None
        instead = "an adapter takes fewer queries"
        return Lack(f"the pairs have too few {_name(needs)} for an encoder; {instead}", needs)

    def train(self, context: JobContext, retriever_id: str, window: InsightsWindow) -> Trained:
        """Fine-tune an encoder."""
        spec: EmbedderSpec | None = self._documents.open(retriever_id).spec
        parameters = EncoderParameters(
            base_model=spec.model if spec else None,
            retriever_id=retriever_id,
            start=window.start,
            end=window.end,
        )
        manifest = self._training.train(context, parameters)
        state = self._models.catalog.find(manifest.model_id).state
        return Trained(manifest, explain_encoder(manifest), is_rejected=state == "rejected")


def _find_pair_needs(figures: Mapping[str, Any], n_queries: int | None = None) -> list[Need]:
    """Say what the pairs have too little of."""
    return find_needs(
        figures.get("pair_queries", 0),
        figures.get("pairs", 0),
        figures.get("searches", 0),
        n_queries,
    )


def _has_vectors(documents: Library, retriever_id: str) -> bool:
    """Say whether a retriever's documents have vectors, and something makes those of queries."""
    index = documents.open(retriever_id)
    return index.dimension is not None and index.embedder is not None


def _name(needs: Sequence[Need]) -> str:
    """Name what there is too little of."""
    return " and ".join(need.what.replace("_", " ") for need in needs)
