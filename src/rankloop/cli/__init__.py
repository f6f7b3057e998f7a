"""The command line, for operators: each module holds one group of commands."""
