"""Jobs over HTTP: started, listed, looked at and cancelled; and schedules."""

from __future__ import annotations

import functools
import operator
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from litestar import get, post
from msgspec import Meta

from rankloop.api.addresses import Address, opt
from rankloop.api.bodies import decode_body
from rankloop.api.filters import PageNumber, PageSize
from rankloop.api.parameters import field_types, read_values
from rankloop.api.reading import AnyRequest, engine_of, in_thread, query_of, read_step
from rankloop.catalog.jobs import JobFilter
from rankloop.errors import Fault, FaultsError
from rankloop.jobs.kinds import KINDS
from rankloop.tables.fields import Text
from rankloop.tables.jobs import Job, JobSchedules, JobState
from rankloop.tables.pages import Page, PageRequest

if TYPE_CHECKING:
    from rankloop.jobs.kinds import JobKind
    from rankloop.jobs.queue import JobQueue

MAX_JOB_BYTES: Final = 64 * 1024 * 1024
"""Most bytes of a request for a job, with the rows that are sent along."""

JobId = Annotated[
    Text, Meta(description="Its name, so that sending it again changes nothing; made if left out.")
]


class JobQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which jobs, and which page of them."""

    kind: Annotated[Text, Meta(description="Only of this kind.")] | None = None
    state: JobState | None = None
    retriever_id: Text | None = None
    page: PageNumber = 1
    page_size: PageSize = 50


def to_body(name: str, kind: JobKind) -> type[msgspec.Struct]:
    """Make the shape of a request for one kind of job: what it is told, its kind and its name."""
    fields: list[Any] = []
    for one in msgspec.structs.fields(kind.parameters):
        shape = field_types(kind.parameters)[one.name]
        if one.default_factory is not msgspec.NODEFAULT:
            made = msgspec.field(default_factory=one.default_factory)
            fields.append((one.name, shape, made))
        elif one.required:
            fields.append((one.name, shape))
        else:
            fields.append((one.name, shape, one.default))
    title = "".join(part.capitalize() for part in name.split("_"))
    return msgspec.defstruct(
        f"{title}Job",
        [*fields, ("job_id", JobId | None, None)],
        namespace={"__doc__": kind.parameters.__doc__},
        tag_field="kind",
        tag=name,
        kw_only=True,
        forbid_unknown_fields=True,
    )


BODY: Final = functools.reduce(operator.or_, (to_body(name, kind) for name, kind in KINDS.items()))
"""The shape of a request for any kind of job."""


@post(
    "/v1/jobs",
    status_code=202,
    request_max_body_size=MAX_JOB_BYTES,
    opt=opt(Address(scope="admin", answers={202: Job}, refusals=(409, 429, 507), body=BODY)),
    tags=["jobs"],
)
async def start_job(request: AnyRequest) -> Job:
    """Start a job in the background, with rows up to 64 MiB; it survives a restart.

    Two jobs of one kind and retriever run one after the other.
    """
    queue = engine_of(request).jobs.queue
    return await in_thread(submit, queue, await request.body())


@get(
    "/v1/jobs",
    opt=opt(Address(scope="read", answers={200: Page[Job]}, query=JobQuery)),
    tags=["jobs"],
)
async def list_jobs(request: AnyRequest) -> Page[Job]:
    """List jobs, newest first, a page at a time, without their logs."""
    query = query_of(request, JobQuery)
    wanted = JobFilter(query.kind, query.state, query.retriever_id)
    page = PageRequest(query.page, query.page_size)
    return await in_thread(engine_of(request).jobs.queue.list, wanted, page)


@get(
    "/v1/jobs/{job_id:str}",
    opt=opt(Address(scope="read", answers={200: Job}, refusals=(404,))),
    tags=["jobs"],
)
async def get_job(request: AnyRequest) -> Job:
    """Return a job: how far it is, the latest lines of its log, and how it ended."""
    return await in_thread(engine_of(request).jobs.queue.find, read_step(request, "job_id"))


@post(
    "/v1/jobs/{job_id:str}/cancel",
    status_code=200,
    opt=opt(Address(scope="admin", answers={200: Job}, refusals=(404,))),
    tags=["jobs"],
)
async def cancel_job(request: AnyRequest) -> Job:
    """Cancel a job: at once where it waits, as soon as it can stop where it runs.

    One that has ended stays as it is.
    """
    return await in_thread(engine_of(request).jobs.queue.cancel, read_step(request, "job_id"))


@get(
    "/v1/schedules",
    opt=opt(Address(scope="read", answers={200: JobSchedules})),
    tags=["jobs"],
)
async def list_schedules(request: AnyRequest) -> JobSchedules:
    """List the schedules of the settings, and when each is due next."""
    return JobSchedules(await in_thread(engine_of(request).jobs.scheduler.list))


def submit(queue: JobQueue, body: bytes) -> Job:
    """Read a request for a job, and take it in.

    Raises:
        FaultsError: A value is missing, unknown or wrong; one fault each.
    """
    given = decode_body(body, dict[str, Any])
    kind = given.pop("kind", None)
    job_id = given.pop("job_id", None)
    faults = [
        Fault(f"/{name}", "wrong_type", f"{name} must be a text")
        for name, value in (("kind", kind), ("job_id", job_id))
        if not isinstance(value, str) and not (name == "job_id" and value is None)
    ]
    if faults:
        hint = f"Known kinds: {', '.join(queue.kinds)}."
        raise FaultsError(" and ".join(fault.detail for fault in faults), faults, hint=hint)
    parameters = read_values(given, queue.find_kind(kind).parameters)
    return queue.submit(kind, parameters, job_id)


HANDLERS: Final = [start_job, list_jobs, get_job, cancel_job, list_schedules]
"""Every address of this module."""
