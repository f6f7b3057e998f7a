"""What is going on: overview, positions, queries, documents, timing, health of the data."""
