"""Every kind of job by its name: what it is told, and what does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rankloop.experiments.gate import GateConfig
from rankloop.jobs.admission import Admission, AdmissionConfig
from rankloop.jobs.context import JobContext
from rankloop.jobs.courses import AdapterCourse, EncoderCourse, RankerCourse
from rankloop.jobs.evaluating import EvaluateJob, EvaluateParameters
from rankloop.jobs.feature_rows import FeatureReader
from rankloop.jobs.learning import Learning, LearnParameters
from rankloop.jobs.propensity_job import EstimateParameters, PropensityJob
from rankloop.jobs.training_adapter import AdapterParameters, AdapterTraining
from rankloop.jobs.training_encoder import EncoderParameters, EncoderTraining
from rankloop.jobs.training_ranker import RankerParameters, RankerTraining
from rankloop.jobs.trial import TrialParts

if TYPE_CHECKING:
    from datetime import datetime

    from rankloop.indexing.library import Library
    from rankloop.jobs.estimation import Estimation
    from rankloop.jobs.judging import Judging
    from rankloop.jobs.learning import Course
    from rankloop.jobs.learning_log import LogReader
    from rankloop.jobs.pairing import Pairing
    from rankloop.jobs.parameters import JobParameters
    from rankloop.models.shelf import ModelShelf
    from rankloop.retrieval.promotion import Promotion
    from rankloop.retrieval.serving import Serving
    from rankloop.store.base import EventStore

Run = Callable[[JobContext, Any], Mapping[str, Any]]
"""Does a job: its context and its parameters in, its result out, which JSON can hold."""


@dataclass(frozen=True, slots=True)
class JobParts:
    """What jobs are done with."""

    store: EventStore
    estimation: Estimation
    reader: LogReader
    judging: Judging
    pairing: Pairing
    documents: Library
    models: ModelShelf
    serving: Serving
    promotion: Promotion
    wait_for_log: Callable[[], object]
    """Waits until the store has what was acknowledged by now."""

    now: Callable[[], datetime]
    """The clock, aware UTC."""

    gate: GateConfig = field(default_factory=GateConfig)
    """What is asked of models before they serve."""

    def admission(self) -> Admission:
        """Build who judges models."""
        parts = TrialParts(
            self.store,
            self.estimation,
            self.judging,
            self.documents,
            self.models,
            self.serving,
            self.now,
        )
        return Admission(parts, AdmissionConfig(gate=self.gate))


@dataclass(frozen=True, slots=True)
class JobKind:
    """One kind of job.

    Attributes:
        parameters: What it is told; the docstring is its description for people.
        build: Makes what does it out of the parts of the installation.
        bulky: Names of parameters that hold rows: they are kept in a file, shown to nobody, and
            gone when the job ends.
    """

    parameters: type[JobParameters]
    build: Callable[[JobParts], Run]
    bulky: frozenset[str] = frozenset()


def _train_adapter(parts: JobParts) -> AdapterTraining:
    return AdapterTraining(parts.reader, parts.pairing, parts.documents, parts.models, parts.now)


def _train_encoder(parts: JobParts) -> EncoderTraining:
    return EncoderTraining(parts.reader, parts.pairing, parts.documents, parts.models, parts.now)


def _train_ranker(parts: JobParts) -> RankerTraining:
    features = FeatureReader(parts.store, parts.documents, parts.serving, parts.models)
    return RankerTraining(parts.reader, features, parts.models, parts.now)


def _learn(parts: JobParts) -> Learning:
    courses: dict[str, Course] = {
        "ranker": RankerCourse(_train_ranker(parts)),
        "adapter": AdapterCourse(_train_adapter(parts), parts.documents, parts.models),
        "encoder": EncoderCourse(_train_encoder(parts), parts.documents, parts.models),
    }
    return Learning(parts.reader, parts.pairing, courses, parts.admission(), parts.now)


KINDS: Final[dict[str, JobKind]] = {
    "learn": JobKind(LearnParameters, lambda parts: _learn(parts).run),
    "train_adapter": JobKind(
        AdapterParameters, lambda parts: _train_adapter(parts).run, bulky=frozenset({"pairs"})
    ),
    "train_encoder": JobKind(
        EncoderParameters, lambda parts: _train_encoder(parts).run, bulky=frozenset({"pairs"})
    ),
    "train_ranker": JobKind(RankerParameters, lambda parts: _train_ranker(parts).run),
    "evaluate": JobKind(
        EvaluateParameters, lambda parts: EvaluateJob(parts.admission(), parts.now).run
    ),
    "estimate": JobKind(
        EstimateParameters, lambda parts: PropensityJob(parts.estimation, parts.now).run
    ),
}
"""Every kind of job by its name."""
