"""Users: everything held about one, and its erasure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from litestar import delete, get, post
from msgspec import Meta

from rankloop.api.addresses import Address, opt
from rankloop.api.parameters import read_body
from rankloop.api.reading import AnyRequest, engine_of, in_thread, read_step, wait_for_store
from rankloop.events.views import InteractionView
from rankloop.privacy.erasure import ErasureReceipt, check_user_ids
from rankloop.privacy.records import StoredSearch, to_interaction, to_search

if TYPE_CHECKING:
    from rankloop.wiring import Engine


class ErasureRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whom to erase."""

    user_ids: Annotated[list[str], Meta(description="Plain ids or pseudonyms, 1 to 1,000.")]


class UserArchive(msgspec.Struct, frozen=True):
    """Everything held about one user."""

    user_id: str
    """As stored: the pseudonym, where the installation keeps pseudonyms."""
    exported_at: datetime
    interactions: list[InteractionView]
    searches: list[StoredSearch]


@get(
    "/v1/users/{user_id:str}/export",
    opt=opt(Address(scope="read", answers={200: UserArchive}, refusals=(503,))),
    tags=["privacy"],
)
async def export_user(request: AnyRequest) -> UserArchive:
    """Return everything held about one user, by plain id or pseudonym."""
    engine = engine_of(request)
    await wait_for_store(engine)
    return await in_thread(_collect, engine, read_step(request, "user_id"))


@delete(
    "/v1/users/{user_id:str}",
    status_code=200,
    opt=opt(Address(scope="admin", answers={200: ErasureReceipt}, refusals=(503,))),
    tags=["privacy"],
)
async def erase_user(request: AnyRequest) -> ErasureReceipt:
    """Erase everything held about one user, for good, and answer with a receipt."""
    return await in_thread(engine_of(request).erasure.erase, [read_step(request, "user_id")])


@post(
    "/v1/users/erase",
    status_code=200,
    opt=opt(
        Address(scope="admin", answers={200: ErasureReceipt}, refusals=(503,), body=ErasureRequest)
    ),
    tags=["privacy"],
)
async def erase_users(request: AnyRequest) -> ErasureReceipt:
    """Erase everything held about some users, for good, and answer with a receipt."""
    wanted = read_body(await request.body(), ErasureRequest)
    check_user_ids(wanted.user_ids)
    return await in_thread(engine_of(request).erasure.erase, wanted.user_ids)


def _collect(engine: Engine, user_id: str) -> UserArchive:
    """Read everything about a user."""
    user_key = engine.pseudonyms.to_lookup(user_id)
    wanted = {"user_id": user_key}
    return UserArchive(
        user_id=user_key,
        exported_at=datetime.now(UTC),
        interactions=[
            to_interaction(row) for row in engine.store.ask("user_interactions", wanted).to_pylist()
        ],
        searches=[to_search(row) for row in engine.store.ask("user_searches", wanted).to_pylist()],
    )


HANDLERS: Final = [export_user, erase_user, erase_users]
"""Every address of this module."""
