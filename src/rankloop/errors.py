"""Every exception this package raises on purpose.

RankloopError
├── InputError                the caller can fix it; never retried
│   ├── EventError            an event or a batch breaks the event schema
│   │   ├── TooLargeError     a body or a batch is over its limit
│   │   └── UnsupportedTypeError  the content type is neither JSON nor NDJSON
│   ├── MethodError           the address does not take this method
│   ├── RangeError            the part asked for is not in the file
│   ├── FaultsError           several things are wrong with one request, each with its place
│   │   └── PipelineError     a retriever's pipeline cannot be built as it is written
│   ├── FileError             a file cannot be read as what it was said to be
│   ├── TableError            a table lacks a column, or a value is out of range
│   └── SettingsError         a setting is missing, unknown or out of range
├── UnauthenticatedError      no key was given, or an unknown one
├── ForbiddenError            the key lacks the scope
├── NotFoundError             the named thing does not exist
├── ConflictError             the thing is in a state that does not allow this
│   ├── FolderInUseError      another process owns the data folder
│   └── NewerFolderError      the data folder was written by a newer version
├── NotEnoughDataError        the method needs more data than it was given
├── AnswerError               another engine answered, but not as it should
├── ProcessError              a process that did part of the work ended before it was done
│   ├── KilledError           something killed it
│   └── MemoryLackError       it needed more memory than there is
└── UnavailableError          a store or a queue cannot take the work now; may be retried
    ├── QueueFullError        too many jobs are waiting
    └── DiskFullError         there is no room left on the disk
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, and where.

    Attributes:
        pointer: JSON pointer into the body, or `/name` of a query parameter.
        code: Stable machine name in snake_case.
        detail: One sentence.
    """

    pointer: str
    code: str
    detail: str


class RankloopError(Exception):
    """Root of the tree: catch this to catch everything raised on purpose.

    Attributes:
        code: Stable machine name in snake_case; the last part of the problem `type` address.
        title: One sentence that is the same for every instance.
        status: The HTTP status the API answers with.
        is_retryable: Whether the same call may succeed later with nothing changed.
        where: What the complaint is about: a JSON pointer, a column, a setting's dotted name.
        hint: One sentence on what to do next; empty when the message says it all.

    Example:
        >>> error = EventError("must be 0 or more", where="/position", hint="Count from 0.")
        >>> error.code, error.status, error.where
        ('invalid_event', 400, '/position')
    """

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong on our side"
    status: ClassVar[int] = 500
    is_retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.where = where
        self.hint = hint


class InputError(RankloopError):
    """The caller sent something that it can mend."""

    code = "invalid_input"
    title = "The request cannot be carried out as sent"
    status = 400


class EventError(InputError):
    """An event or a batch breaks the event schema."""

    code = "invalid_event"
    title = "An event or a batch breaks the event schema"


class TooLargeError(EventError):
    """A body, a batch or a field is over its limit."""

    code = "too_large"
    title = "The body or the batch is over its limit"
    status = 413


class UnsupportedTypeError(EventError):
    """The content type is neither JSON nor NDJSON."""

    code = "unsupported_type"
    title = "The content type is neither JSON nor NDJSON"
    status = 415


class MethodError(InputError):
    """The address does not take this method."""

    code = "method_not_allowed"
    title = "The address does not take this method"
    status = 405


class RangeError(InputError):
    """The part asked for is not in the file."""

    code = "range_not_satisfiable"
    title = "The part asked for is not in the file"
    status = 416


class FaultsError(InputError):
    """Several things are wrong with one request.

    Attributes:
        faults: Each of them, with its place.
    """

    def __init__(
        self, message: str, faults: Sequence[Fault] = (), *, where: str = "", hint: str = ""
    ) -> None:
        super().__init__(message, where=faults[0].pointer if faults else where, hint=hint)
        self.faults = list(faults)


class PipelineError(FaultsError):
    """A retriever's pipeline cannot be built as it is written."""

    code = "invalid_pipeline"
    title = "The pipeline cannot be built as it is written"


class FileError(InputError):
    """A file cannot be read as what it was said to be."""

    code = "invalid_file"
    title = "The file cannot be read as what it was said to be"


class TableError(InputError):
    """A table lacks a column, or a value is out of range."""

    code = "invalid_table"
    title = "A table lacks a column, or a value is out of range"


class SettingsError(InputError):
    """A setting is missing, unknown or out of range."""

    code = "invalid_setting"
    title = "A setting is missing, unknown or out of range"


class UnauthenticatedError(RankloopError):
    """No key was given, or one that is not known."""

    code = "unauthenticated"
    title = "A valid key is needed"
    status = 401


class ForbiddenError(RankloopError):
    """The key is known but does not allow this."""

    code = "forbidden"
    title = "The key does not allow this"
    status = 403


class NotFoundError(RankloopError):
    """The named thing does not exist."""

    code = "not_found"
    title = "The named thing does not exist"
    status = 404


class ConflictError(RankloopError):
    """The thing is in a state that does not allow this."""

    code = "conflict"
    title = "The state of the thing does not allow this"
    status = 409


class FolderInUseError(ConflictError):
    """Another process owns the data folder."""

    code = "folder_in_use"
    title = "Another process owns the data folder"


class NewerFolderError(ConflictError):
    """The data folder was written by a newer version of this program."""

    code = "newer_folder"
    title = "The data folder was written by a newer version"


class NotEnoughDataError(RankloopError):
    """The method needs more data than it was given."""

    code = "not_enough_data"
    title = "There is not enough data for an answer"
    status = 422


class AnswerError(RankloopError):
    """Another engine answered, but not as it should."""

    code = "bad_answer"
    title = "Another engine's answer cannot be used"
    status = 502


class ProcessError(RankloopError):
    """A process that did part of the work ended before it was done."""

    code = "process_ended"
    title = "A process that did part of the work ended before it was done"


class KilledError(ProcessError):
    """Something killed a process that did part of the work."""

    code = "process_killed"
    title = "A process that did part of the work was killed"


class MemoryLackError(ProcessError):
    """The work needs more memory than there is."""

    code = "out_of_memory"
    title = "The work needs more memory than there is"


class UnavailableError(RankloopError):
    """A store or a queue cannot take the work now."""

    code = "unavailable"
    title = "The service cannot take this now"
    status = 503
    is_retryable = True


class QueueFullError(UnavailableError):
    """Too many jobs are waiting."""

    code = "queue_full"
    title = "Too many jobs are waiting"
    status = 429


class DiskFullError(UnavailableError):
    """There is no room left on the disk."""

    code = "disk_full"
    title = "There is no room left on the disk"
    status = 507


ERRORS: dict[str, type[RankloopError]] = {
    error.code: error
    for error in (
        RankloopError,
        InputError,
        EventError,
        TooLargeError,
        UnsupportedTypeError,
        MethodError,
        RangeError,
        PipelineError,
        FileError,
        TableError,
        SettingsError,
        UnauthenticatedError,
        ForbiddenError,
        NotFoundError,
        ConflictError,
        FolderInUseError,
        NewerFolderError,
        NotEnoughDataError,
        AnswerError,
        ProcessError,
        KilledError,
        MemoryLackError,
        UnavailableError,
        QueueFullError,
        DiskFullError,
    )
}
"""Every class by its code, so that a client raises what the server meant."""
