"""Where events are kept: the promise of a store, its DuckDB form, and one file per question."""
