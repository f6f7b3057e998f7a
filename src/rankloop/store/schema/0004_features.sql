-- What rankers went by: as raw as the search itself, and erased with it.

-- What a ranker saw of the documents of one list; lists that none looked at have no row.
CREATE TABLE search_features (
    search_key BIGINT NOT NULL, -- the list
    features VARCHAR NOT NULL -- names, and the numbers of each result in shown order, as JSON text
);
