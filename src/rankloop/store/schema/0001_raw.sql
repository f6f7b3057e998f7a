-- Raw facts: written once by the journal's delivery or a file import, never changed.

-- One list shown once; page 2 of a search is another list of the same `search_id`.
CREATE TABLE searches (
    search_key BIGINT NOT NULL, -- running number in the order of arrival
    search_id VARCHAR NOT NULL, -- the search; its lists share it
    page_offset INTEGER NOT NULL, -- position of the list's first result, from 0
    "at" TIMESTAMP NOT NULL, -- when it was shown by the sender's clock, UTC
    received_at TIMESTAMP NOT NULL, -- when it arrived, UTC
    retriever_id VARCHAR NOT NULL, -- who ranked it
    pipeline_version VARCHAR, -- what ranked it, such as `default@12`
    query VARCHAR NOT NULL, -- what was asked for
    query_key VARCHAR NOT NULL, -- the information need: a hash of the normalized text and filters
    filters VARCHAR, -- filters as canonical JSON text
    user_key VARCHAR, -- the user's pseudonym
    session_id VARCHAR, -- the session, as sent
    surface VARCHAR, -- where it was shown
    device VARCHAR, -- on what kind of device
    actor VARCHAR NOT NULL, -- who searched: human, agent, judge or robot
    variant VARCHAR, -- the arm of an experiment
    total BIGINT, -- how many documents matched, as sent
    latency_ms DOUBLE, -- how long the answer took, milliseconds
    tags VARCHAR, -- tags as a JSON list
    source VARCHAR NOT NULL, -- which way it came in
    n_results INTEGER -- length of the list; NULL where it is unknown, 0 where it was empty
);

-- One document in one list.
CREATE TABLE impressions (
    search_key BIGINT NOT NULL, -- its list
    position INTEGER NOT NULL, -- where it stood, from 0, page offset included
    document_id VARCHAR NOT NULL, -- the document
    score DOUBLE, -- what the ranking gave it
    logging_probability DOUBLE -- chance that the serving policy made this choice
);

-- What someone did with a document or a list.
CREATE TABLE interactions (
    interaction_key BIGINT NOT NULL, -- running number in the order of arrival
    interaction_id VARCHAR NOT NULL, -- its identifier
    "at" TIMESTAMP NOT NULL, -- when it happened by the sender's clock, UTC
    received_at TIMESTAMP NOT NULL, -- when it arrived, UTC
    retriever_id VARCHAR NOT NULL, -- as sent, else that of the search, else `default`
    search_id VARCHAR, -- the search, as sent
    document_id VARCHAR, -- the document, where it is about one
    types VARCHAR[] NOT NULL, -- what was done
    type_mask BIGINT NOT NULL, -- one bit per known type, bit 31 for any custom one
    position INTEGER, -- where the document stood, from 0, as sent
    query VARCHAR, -- the query, as sent
    query_key VARCHAR, -- the information need of that query
    user_key VARCHAR, -- the user's pseudonym
    session_id VARCHAR, -- the session, as sent
    device VARCHAR, -- on what kind of device
    duration_ms DOUBLE, -- how long it took, milliseconds
    value_micros BIGINT, -- monetary value in millionths of the unit
    currency VARCHAR, -- the unit of the value
    metadata VARCHAR, -- free metadata as JSON text
    source VARCHAR NOT NULL -- which way it came in
);

-- Erased events, so that a late retry of one resurrects nothing.
CREATE TABLE tombstones (
    id_hash VARCHAR NOT NULL -- md5 of the identifier, hexadecimal
);

-- How far the journal was delivered, moved in the transaction that brings the rows.
CREATE TABLE delivery_state (
    name VARCHAR NOT NULL, -- the journal
    sequence BIGINT NOT NULL -- the last sequence whose rows are here
);

-- Days whose derived rows are stale through erasure or late data.
CREATE TABLE dirty_days (
    "day" DATE NOT NULL -- the day, UTC
);

-- How far derivation has come.
CREATE TABLE derivation_state (
    name VARCHAR NOT NULL, -- what is derived
    key_done BIGINT NOT NULL -- up to which key
);
