"""What can happen: searches, interactions, their types and the law on what is valid."""
