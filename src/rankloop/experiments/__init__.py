"""Whether a change helps: what evidence is asked for, and what follows from it."""
