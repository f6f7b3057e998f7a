"""For programs: the HTTP interface, its documents and its answers when something is wrong."""
