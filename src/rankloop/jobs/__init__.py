"""The road in order: what runs over the store, step by step."""
