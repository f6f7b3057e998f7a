"""What applications install: a light client with no engine behind it."""
