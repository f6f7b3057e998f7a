"""The stage `personalize`: what a person found before comes first, and what is like it, if asked.

Two parts, each of its own worth. *Finding again*: who searches once more for what they searched
before mostly wants what they opened then. *Profile*: documents near those the person dealt with,
lately and in this session. The first helps steadily and is on; the second helps ambiguous queries
and can harm others, so it is off until somebody gives it a weight, and gated when it is on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
import numpy as np

from rankloop.counters.base import EXAMINATION
from rankloop.events.types import CLICK_MASK
from rankloop.stages.affinities import measure_affinity, read_values
from rankloop.stages.behavior import BoostWeight, measure_spread, to_bit_weights
from rankloop.stages.limits import Share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from numpy.typing import NDArray

    from rankloop.counters.base import Event, ServingCounters
    from rankloop.indexing.base import DocumentIndex
    from rankloop.stages.base import Candidates, Query

    Floats = NDArray[np.float64]

MAX_PROFILE_EVENTS: Final = 50
"""Latest events that a profile is made of."""

_DEEP: Final = 3.0
_GATE_EVENTS: Final = 5.0
_REPEAT_PRIOR: Final = 0.5
_HOUR_US: Final = 3_600_000_000

FieldName = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Hours = Annotated[float, msgspec.Meta(gt=0.0, le=8_784.0)]
Bits = Annotated[float, msgspec.Meta(ge=0.0, le=16.0)]


class PersonalizationConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `Personalize`; weights are in standard deviations of the incoming scores."""

    repeat_weight: BoostWeight = 2.0
    """How far up goes what the person opened before for the same query; 0 turns it off."""

    profile_weight: BoostWeight = 0.0
    """How far goes what is near the person's profile; off until asked for."""

    affinity_weight: BoostWeight = 0.0
    """How far goes what is of a brand or the like that the person prefers; needs `fields`."""

    fields: Annotated[tuple[FieldName, ...], msgspec.Meta(max_length=16)] = ()
    """Fields of payloads that people have preferences in, such as `brand`."""

    session_share: Share = 0.5
    """How much of the profile is this session's; the rest is the user's."""

    long_half_life_days: Annotated[float, msgspec.Meta(gt=0.0, le=366.0)] = 30.0
    """In which time an event loses half of its weight in the user's profile, in days."""

    session_half_life_hours: Hours = 1.0
    """In which time an event loses half of its weight in the session's profile, in hours."""

    min_interactions: Annotated[int, msgspec.Meta(ge=1, le=50)] = 5
    """Fewest events that make a user's profile."""

    ambiguous_from_bits: Bits = 1.0
    """Entropy of a query's clicks up to which profiles move nothing, in bits."""

    ambiguous_range_bits: Annotated[float, msgspec.Meta(gt=0.0, le=16.0)] = 2.0
    """Bits beyond, after which they move as far as they may."""


@dataclass(frozen=True, slots=True)
class _Shares:
    """What each part says of each document; `[n]`, the first in [0, 1), the others in [-1, 1]."""

    repeat: Floats
    profile: Floats
    affinity: Floats


class Personalize:
    """Add to scores what a person's own history says.

    Finding again: `clicks(q, d, u) / (clicks(q, ., u) + 0.5)`, from the user's history, else the
    session's. Profile: the cosine of a document and `Σ v_i 2^(-age_i / half-life) e(d_i)`,
    normalized; `v` is the weight of the signal times `min(examination^(-1/2), 3)`, since a click
    deep in the list says more. It is multiplied by `n / (n + 5)` for n events, and by how ambiguous
    the query is: `clip((H - H_0) / H_1, 0, 1)`, H the entropy of its clicks; a query without clicks
    on record is not.

    What is added is bounded: each part by its weight times the standard deviation of the incoming
    scores.

    Source:
        Dou, Song & Wen (2007), A large-scale evaluation and analysis of personalized search
        strategies: P-Click, click entropy, and that profiles are unstable where clicks are not.
    """

    def __init__(
        self,
        counters: ServingCounters,
        index: DocumentIndex,
        config: PersonalizationConfig | None = None,
        signal_weights: Mapping[str, float] | None = None,
        examination: Floats = EXAMINATION,
    ) -> None:
        self._counters = counters
        self._index = index
        self._config = config or PersonalizationConfig()
        self._weights = to_bit_weights(signal_weights or {})
        self._examination = examination

    def __call__(self, query: Query, candidates: Candidates) -> Candidates:
        """Return the same documents, re-ordered by what the person's history adds."""
        config = self._config
        weights = (config.repeat_weight, config.profile_weight, config.affinity_weight)
        if not len(candidates) or not any(weights):
            return candidates
        shares = self._measure(query, candidates.document_ids, candidates.payloads)
        added = (
            config.repeat_weight * shares.repeat
            + config.profile_weight * shares.profile
            + config.affinity_weight * shares.affinity
        )
        if not added.any():
            return candidates
        return candidates.rescored(candidates.scores + measure_spread(candidates) * added)

    def notes(self, query: Query, document_ids: Sequence[str]) -> dict[str, dict[str, float]]:
        """Say what each part says of documents; nothing of those that none moves."""
        shares = self._measure(query, document_ids, {})
        parts = {
            "repeat_clicks": shares.repeat,
            "profile": shares.profile,
            "affinity": shares.affinity,
        }
        return {
            document_id: {
                name: round(float(part[place]), 4) for name, part in parts.items() if part[place]
            }
            for place, document_id in enumerate(document_ids)
            if any(part[place] for part in parts.values())
        }

    def _measure(
        self,
        query: Query,
        document_ids: Sequence[str],
        payloads: Mapping[str, Mapping[str, object]],
    ) -> _Shares:
        """Say what each part says of each document."""
        config, none = self._config, np.zeros(len(document_ids))
        own = self._history(query, query.user_key, query.session_id)
        repeat = count_repeats(own, query.query_key, document_ids) if config.repeat_weight else none
        shares = _Shares(repeat, none, none)
        if not config.profile_weight and not (config.affinity_weight and config.fields):
            return shares
        gate = self._gate(query)
        if gate == 0:
            return shares
        session = self._history(query, None, query.session_id) if query.session_id else []
        doings = [
            self._weigh(
                own if query.user_key else [],
                query.now,
                24 * config.long_half_life_days,
                config.min_interactions,
            ),
            self._weigh(session, query.now, config.session_half_life_hours, 1),
        ]
        scales = ((1 - config.session_share) * gate, config.session_share * gate)
        profile, affinity = none, none
        for part, scale in zip(doings, scales, strict=True):
            if part.document_ids and scale:
                profile = profile + scale * part.trust * self._near(part, document_ids)
                affinity = affinity + scale * part.trust * self._prefer(
                    part, document_ids, payloads
                )
        return _Shares(repeat, profile, affinity)

    def _history(
        self, query: Query, user_key: str | None, session_id: str | None
    ) -> Sequence[Event]:
        """Return what a person did."""
        return self._counters.history(
            user_key=user_key,
            session_id=session_id,
            retriever_id=query.retriever_id,
            now=query.now,
        )

    def _gate(self, query: Query) -> float:
        """Say how far a query is open to profiles, in [0, 1]."""
        entropy = self._counters.query_entropy(query.retriever_id, query.query_key)
        config = self._config
        if np.isnan(entropy):
            return 0.0
        beyond = (entropy - config.ambiguous_from_bits) / config.ambiguous_range_bits
        return float(np.clip(beyond, 0.0, 1.0))

    def _weigh(
        self, events: Sequence[Event], now: datetime, half_life_hours: float, fewest: int
    ) -> _Doings:
        """Weigh what a person did, by what it was, how deep in the list and how long ago."""
        if len(events) < fewest:
            return _Doings((), np.empty(0), 0.0)
        latest = events[:MAX_PROFILE_EVENTS]
        masks = np.array([event.type_mask for event in latest], np.int64)
        bits = masks[:, None] >> np.arange(32) & 1
        signals = (bits * np.maximum(self._weights, 0.0)).max(axis=1)
        signals = signals + (bits * np.minimum(self._weights, 0.0)).min(axis=1)
        positions = np.array([event.position for event in latest])
        chances = self._examination[np.clip(positions, 0, self._examination.size - 1)]
        depth = np.where(positions < 0, 1.0, np.minimum(chances**-0.5, _DEEP))
        now_us = now.timestamp() * 1e6
        ages = (now_us - np.array([event.at_us for event in latest])) / _HOUR_US
        weights = signals * depth * np.exp2(-np.maximum(ages, 0.0) / half_life_hours)
        trust = len(events) / (len(events) + _GATE_EVENTS)
        return _Doings(tuple([event.document_id for event in latest]), weights, trust)

    def _near(self, doings: _Doings, document_ids: Sequence[str]) -> Floats:
        """Return `[n]` cosines of documents and a profile, 0 where there is no vector."""
        near = np.zeros(len(document_ids))
        if not self._config.profile_weight:
            return near
        vectors = self._index.vectors([*dict.fromkeys((*doings.document_ids, *document_ids))])
        places = [place for place, name in enumerate(doings.document_ids) if name in vectors]
        known = [place for place, name in enumerate(document_ids) if name in vectors]
        if not places or not known:
            return near
        matrix = np.stack([vectors[doings.document_ids[place]] for place in places])
        profile = doings.weights[places] @ matrix.astype(np.float64)
        length = float(np.linalg.norm(profile))
        if length > 0:
            stacked = np.stack([vectors[document_ids[place]] for place in known])
            near[known] = np.clip(stacked @ (profile / length), -1.0, 1.0)
        return near

    def _prefer(
        self,
        doings: _Doings,
        document_ids: Sequence[str],
        payloads: Mapping[str, Mapping[str, object]],
    ) -> Floats:
        """Return `[n]` mean affinities over the fields, in [-1, 1]."""
        fields = self._config.fields if self._config.affinity_weight else ()
        if not fields:
            return np.zeros(len(document_ids))
        names = dict.fromkeys((*doings.document_ids, *document_ids))
        unknown = [name for name in names if name not in payloads]
        known = {**payloads, **self._index.payloads(unknown)} if unknown else payloads
        affinities = [
            measure_affinity(
                [read_values(known.get(name, {}), field) for name in document_ids],
                [read_values(known.get(name, {}), field) for name in doings.document_ids],
                doings.weights,
            )
            for field in fields
        ]
        return np.asarray(np.mean(affinities, axis=0), np.float64)


@dataclass(frozen=True, slots=True)
class _Doings:
    """What a profile is made of.

    Attributes:
        document_ids: The documents dealt with, newest first; one may stand several times.
        weights: `[n]`, what each counts for.
        trust: How far the profile is to be trusted, in [0, 1).
    """

    document_ids: tuple[str, ...]
    weights: Floats
    trust: float


def count_repeats(events: Sequence[Event], query_key: str, document_ids: Sequence[str]) -> Floats:
    """Return each document's share of a person's clicks for a query, `n_d / (n + 0.5)`.

    Example:
        >>> from rankloop.counters.base import Event
        >>> clicks = [Event(name, CLICK_MASK, 0, 0, "q") for name in ("d1", "d2", "d1")]
        >>> count_repeats(clicks, "q", ["d0", "d1", "d2"]).round(2)
        array([0.  , 0.57, 0.29])
    """
    clicked = [
        event.document_id
        for event in events
        if event.query_key == query_key and event.type_mask & CLICK_MASK
    ]
    shares = np.zeros(len(document_ids))
    if clicked:
        place = {name: number for number, name in enumerate(document_ids)}
        for name in clicked:
            if name in place:
                shares[place[name]] += 1.0
    return shares / (len(clicked) + _REPEAT_PRIOR)
