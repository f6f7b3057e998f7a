"""Fitted things that score, each a folder with a manifest that says what it was made of."""
