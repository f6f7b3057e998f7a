-- Raw facts: written once by the journal's delivery or a file import, never changed.
CREATE TABLE searches (
    search_key BIGINT NOT NULL,
    search_id VARCHAR NOT NULL,
    page_offset INTEGER NOT NULL,
    "at" TIMESTAMP NOT NULL,
    received_at TIMESTAMP NOT NULL,
    retriever_id VARCHAR NOT NULL,
    pipeline_version VARCHAR,
    query VARCHAR NOT NULL,
    query_key VARCHAR NOT NULL,
    filters VARCHAR,
    user_key VARCHAR,
    session_id VARCHAR,
    surface VARCHAR,
    device VARCHAR,
    actor VARCHAR NOT NULL,
    variant VARCHAR,
    total BIGINT,
    latency_ms DOUBLE,
    tags VARCHAR,
    source VARCHAR NOT NULL,
    n_results INTEGER
);

CREATE TABLE impressions (
    search_key BIGINT NOT NULL,
    position INTEGER NOT NULL,
    document_id VARCHAR NOT NULL,
    score DOUBLE,
    logging_probability DOUBLE
);

CREATE TABLE interactions (
    interaction_key BIGINT NOT NULL,
    interaction_id VARCHAR NOT NULL,
    "at" TIMESTAMP NOT NULL,
    received_at TIMESTAMP NOT NULL,
    retriever_id VARCHAR NOT NULL,
    search_id VARCHAR,
    document_id VARCHAR,
    types VARCHAR[] NOT NULL,
    type_mask BIGINT NOT NULL,
    position INTEGER,
    query VARCHAR,
    query_key VARCHAR,
    user_key VARCHAR,
    session_id VARCHAR,
    device VARCHAR,
    duration_ms DOUBLE,
    value_micros BIGINT,
    currency VARCHAR,
    metadata VARCHAR,
    source VARCHAR NOT NULL
);

-- md5 of each erased interaction's identifier, so that a late retry resurrects nothing.
CREATE TABLE tombstones (id_hash VARCHAR NOT NULL);

-- The last journal sequence whose rows are here, moved in the transaction that brings them.
CREATE TABLE delivery_state (name VARCHAR NOT NULL, sequence BIGINT NOT NULL);

-- Days whose derived rows are stale through erasure or late data.
CREATE TABLE dirty_days ("day" DATE NOT NULL);

-- How far derivation has come, by name.
CREATE TABLE derivation_state (name VARCHAR NOT NULL, key_done BIGINT NOT NULL);
