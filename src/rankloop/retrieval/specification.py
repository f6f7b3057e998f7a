"""A retriever's pipeline as it is written: read, checked, and named by its content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

import msgspec

from rankloop.errors import Fault, InputError, PipelineError
from rankloop.events.refusals import escape_step
from rankloop.events.types import is_type_name
from rankloop.indexing.embedders import EmbedderSpec, check_spec
from rankloop.retrieval.limits import MAX_STAGES, MAX_TIMEOUT_MS
from rankloop.retrieval.pipeline import list_stages
from rankloop.retrieval.placing import StageSpec, check_order
from rankloop.retrieval.reading import list_fields, read_config, say_unknown

PIPELINE_TIMEOUT_MS: Final = 2_000.0
"""What a whole request may take where the pipeline does not say."""

TimeoutMs = Annotated[float, msgspec.Meta(gt=0.0, le=MAX_TIMEOUT_MS)]

_PIPELINE_FIELDS: Final = ("stages", "embedder", "signal_weights", "timeout_ms")
_MAX_WEIGHTS: Final = 1_000
_MAX_WEIGHT: Final = 1e6


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    """A pipeline that can be built.

    Attributes:
        stages: Its stages, in order; none for the default: the best 100 by words.
        embedder: What makes vectors.
        signal_weights: What a signal counts for, by type, where it differs from the default.
        timeout_ms: What a whole request may take.
    """

    stages: tuple[StageSpec, ...] = ()
    embedder: EmbedderSpec = field(default_factory=EmbedderSpec)
    signal_weights: Mapping[str, float] = field(default_factory=dict)
    timeout_ms: float = PIPELINE_TIMEOUT_MS

    def to_config(self) -> dict[str, Any]:
        """Write the pipeline as `read_pipeline` reads it, every default filled in."""
        return {
            "stages": [stage.to_config() for stage in self.stages],
            "embedder": msgspec.to_builtins(self.embedder),
            "signal_weights": dict(sorted(self.signal_weights.items())),
            "timeout_ms": self.timeout_ms,
        }

    @property
    def content_hash(self) -> str:
        """Name the pipeline by its content: 16 hexadecimal digits.

        Defaults count, so a release that changes one gives another name.
        """
        text = msgspec.json.encode(self.to_config(), order="sorted")
        return hashlib.sha256(text).hexdigest()[:16]


def read_pipeline(config: object) -> PipelineSpec:
    """Read a pipeline as it is written.

    Args:
        config: Decoded JSON: `{"stages": […], "embedder"?, "signal_weights"?, "timeout_ms"?}`.
            A stage has a `type`, optionally a `timeout_ms`, and the fields of its type.

    Raises:
        PipelineError: Anything is wrong; it carries every fault with its place.

    Example:
        >>> read_pipeline({"stages": [{"type": "text_search", "top_k": 50}]}).stages[0].config.top_k
        50
        >>> read_pipeline({"stages": [{"type": "txt_search"}]})
        Traceback (most recent call last):
        rankloop.errors.PipelineError: there is no 'txt_search'; did you mean 'text_search'?
    """
    faults: list[Fault] = []
    if not isinstance(config, Mapping):
        raise _refuse([Fault("", "wrong_type", "a pipeline is an object")])
    for key in config:
        if key not in _PIPELINE_FIELDS:
            detail = say_unknown(str(key), _PIPELINE_FIELDS)
            faults.append(Fault(f"/{escape_step(str(key))}", "unknown_field", detail))
    stages = _read_stages(config.get("stages", []), faults)
    embedder = _read_embedder(config, faults)
    weights = _read_weights(config.get("signal_weights") or {}, faults)
    timeout_ms = _read_timeout(config, "", faults) or PIPELINE_TIMEOUT_MS
    if faults:
        raise _refuse(faults)
    return PipelineSpec(tuple(stages), embedder, weights, timeout_ms)


def read_embedder(config: Mapping[str, Any]) -> EmbedderSpec:
    """Read which embedder a pipeline names; the one of kind `none` where it names none.

    Raises:
        PipelineError: It is not written as an embedder.

    Example:
        >>> read_embedder({"stages": []}).kind
        'none'
    """
    faults: list[Fault] = []
    embedder = _read_embedder(config, faults)
    if faults:
        raise _refuse(faults)
    return embedder


def _read_embedder(config: Mapping[str, Any], faults: list[Fault]) -> EmbedderSpec:
    """Read the embedder, and whether it could be built."""
    read = read_config(EmbedderSpec, config.get("embedder") or {}, "/embedder", faults)
    embedder: EmbedderSpec = read or EmbedderSpec()
    try:
        check_spec(embedder)
    except InputError as error:
        faults.append(Fault(error.where, "invalid_value", str(error)))
    return embedder


def _refuse(faults: list[Fault]) -> PipelineError:
    """Make the error that carries the faults."""
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return PipelineError(faults[0].detail + more, faults)


def _read_stages(raw: object, faults: list[Fault]) -> list[StageSpec]:
    """Read the list of stages; those that could not be read are left out."""
    if not isinstance(raw, list | tuple):
        faults.append(Fault("/stages", "wrong_type", "must be a list of stages"))
        return []
    if len(raw) > MAX_STAGES:
        detail = f"a pipeline has at most {MAX_STAGES} stages"
        faults.append(Fault("/stages", "too_many", detail))
        return []
    read = [_read_stage(one, index, faults) for index, one in enumerate(raw)]
    stages = [stage for stage in read if stage is not None]
    if len(stages) == len(raw):
        check_order(stages, raw, faults)
    return stages


def _read_stage(raw: object, index: int, faults: list[Fault]) -> StageSpec | None:
    """Read one stage."""
    pointer = f"/stages/{index}"
    if not isinstance(raw, Mapping):
        faults.append(Fault(pointer, "wrong_type", "a stage is an object with a type"))
        return None
    name = raw.get("type")
    known = list_stages()
    if not isinstance(name, str):
        faults.append(Fault(f"{pointer}/type", "missing_field", "a stage needs a type"))
        return None
    if name not in known:
        detail = say_unknown(name, sorted(known))
        faults.append(Fault(f"{pointer}/type", "unknown_stage", detail))
        return None
    kind = known[name].config
    shared = {"type", "timeout_ms"} - {field.wire_name for field in list_fields(kind)}
    own = {key: value for key, value in raw.items() if key not in shared}
    config = read_config(kind, own, pointer, faults)
    if "timeout_ms" in shared:
        timeout_ms = _read_timeout(raw, pointer, faults)
    else:
        timeout_ms = getattr(config, "timeout_ms", None)
    if config is None:
        return None
    return StageSpec(name, known[name], config, index, timeout_ms)


def _read_timeout(raw: Mapping[str, object], pointer: str, faults: list[Fault]) -> float | None:
    """Read a time budget; None where there is none or a wrong one."""
    value = raw.get("timeout_ms")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        faults.append(Fault(f"{pointer}/timeout_ms", "wrong_type", "must be a number"))
        return None
    if not 0 < value <= MAX_TIMEOUT_MS:
        detail = f"must be above 0 and at most {MAX_TIMEOUT_MS:,.0f} milliseconds"
        faults.append(Fault(f"{pointer}/timeout_ms", "out_of_range", detail))
        return None
    return float(value)


def _read_weights(raw: object, faults: list[Fault]) -> dict[str, float]:
    """Read what signals count for."""
    if not isinstance(raw, Mapping):
        faults.append(Fault("/signal_weights", "wrong_type", "must be an object of numbers"))
        return {}
    if len(raw) > _MAX_WEIGHTS:
        detail = f"at most {_MAX_WEIGHTS:,} types have weights"
        faults.append(Fault("/signal_weights", "too_many", detail))
        return {}
    weights = {}
    for name, value in raw.items():
        place = f"/signal_weights/{escape_step(str(name))}"
        if not is_type_name(str(name)):
            detail = "a type is 1 to 64 word characters"
            faults.append(Fault(place, "invalid_value", detail))
        elif isinstance(value, bool) or not isinstance(value, int | float):
            faults.append(Fault(place, "wrong_type", "must be a number"))
        elif not abs(value) <= _MAX_WEIGHT:
            detail = f"must be -{_MAX_WEIGHT:,.0f} to {_MAX_WEIGHT:,.0f}"
            faults.append(Fault(place, "out_of_range", detail))
        else:
            weights[str(name)] = float(value)
    return weights
