"""Which installation a command speaks to: a data folder in this process, or a server."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter

from rankloop.cli.output import Output
from rankloop.errors import InputError

if TYPE_CHECKING:
    from rankloop.client.client import Client

DEFAULT_DATA: Final = Path("rankloop-data")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What every command takes."""

    data: Annotated[Path | None, Parameter(negative=())] = None
    """Data folder, opened in this process; ./rankloop-data if neither this nor --url is given."""

    url: str | None = None
    """Address of a running server, such as http://127.0.0.1:8400."""

    api_key: Annotated[str | None, Parameter(env_var="RANKLOOP_API_KEY", show_env_var=True)] = None
    """Key for --url."""

    json: bool = False
    """Write one JSON document to standard output, everything else to standard error."""

    def __post_init__(self) -> None:
        if self.data is not None and self.url is not None:
            raise InputError(
                "--data and --url cannot be given together",
                hint="--data opens a folder in this process, --url asks a running server.",
            )

    @property
    def folder(self) -> Path:
        """The data folder that was named, or the usual one."""
        return self.data or DEFAULT_DATA

    def open_output(self) -> Output:
        """Return where the command writes."""
        return Output(is_json=self.json)

    def connect(self) -> "Client":
        """Open the same surface over a folder or a server.

        Raises:
            FolderInUseError: Another process owns the folder.
            UnavailableError: The server does not answer.
        """
        from rankloop.connection import connect

        if self.url is not None:
            return connect(self.url, api_key=self.api_key)
        if not self.folder.exists():
            self.open_output().note(f"{self.folder} is a new data folder: there is nothing in it.")
        # A bare name is no address, so it is written as a path.
        return connect(str(self.folder.absolute()))

    def need_folder(self, command: str) -> Path:
        """Return the folder for a command that cannot be done through a server.

        Raises:
            InputError: A server was named.
        """
        if self.url is not None:
            raise InputError(
                f"`rankloop {command}` works on a data folder, not through --url",
                hint="Stop the server, then run it with --data DIR.",
            )
        return self.folder


HERE: Final = Target()
"""The usual folder, for people."""
