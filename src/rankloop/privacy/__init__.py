"""Who people are stays out of the store: pseudonyms before the journal, erasure after it."""
