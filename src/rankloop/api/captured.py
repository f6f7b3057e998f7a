"""The capture addresses as the application knows them: described here, answered in front of it."""

from __future__ import annotations

from typing import Final

from litestar import post

from rankloop.api.addresses import JSON, NDJSON, Address, opt
from rankloop.api.capture import (
    BATCH,
    INTERACTIONS,
    SEARCHES,
    ManyAnswer,
    ManySearchesAnswer,
    SearchAnswer,
)
from rankloop.errors import UnavailableError
from rankloop.events.bodies import InteractionBody, SearchBody
from rankloop.events.views import AcceptedView

_REFUSALS: Final = (415, 503)
_MEDIA: Final = (JSON, NDJSON)


@post(
    INTERACTIONS,
    opt=opt(
        Address(
            scope="capture",
            answers={201: AcceptedView, 202: ManyAnswer},
            refusals=_REFUSALS,
            body=InteractionBody | list[InteractionBody],
            body_media=_MEDIA,
        )
    ),
    tags=["capture"],
)
async def create_interactions() -> None:
    """Record one interaction, or many.

    One object is answered with 201 and the interaction; an array or NDJSON with 202 and a verdict
    on each item that was refused. What was acknowledged is durable. An `interaction_id` that came
    before changes nothing and counts as a duplicate.
    """
    raise _not_in_front()


@post(
    BATCH,
    opt=opt(
        Address(
            scope="capture",
            answers={202: ManyAnswer},
            refusals=_REFUSALS,
            body=InteractionBody | list[InteractionBody],
            body_media=_MEDIA,
        )
    ),
    tags=["capture"],
)
async def create_interaction_batch() -> None:
    """Record interactions; the answer is always a verdict on many."""
    raise _not_in_front()


@post(
    SEARCHES,
    opt=opt(
        Address(
            scope="capture",
            answers={201: SearchAnswer, 202: ManySearchesAnswer},
            refusals=_REFUSALS,
            body=SearchBody | list[SearchBody],
            body_media=_MEDIA,
        )
    ),
    tags=["capture"],
)
async def create_searches() -> None:
    """Record lists that another engine ranked, results in shown order.

    An empty `results` is a search that found nothing; an absent one is unknown and counts for
    neither. `(search_id, offset)` names a list: page 2 is another list of the same search.
    """
    raise _not_in_front()


def _not_in_front() -> UnavailableError:
    """Say that this application was built without its front."""
    return UnavailableError("capture is answered in front of this application, which is missing")


HANDLERS: Final = [create_interactions, create_interaction_batch, create_searches]
"""Every address of this module."""
