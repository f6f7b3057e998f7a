"""Taking events in, durably: checks, intake, journal, delivery to the store."""
