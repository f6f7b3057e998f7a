-- What attribution makes of the raw facts: rebuilt by day, never the truth.
CREATE TABLE credits (
    interaction_key BIGINT NOT NULL,
    interaction_day DATE NOT NULL,
    search_key BIGINT,
    position INTEGER,
    rule TINYINT NOT NULL
);

CREATE TABLE search_log (
    search_key BIGINT NOT NULL,
    "day" DATE NOT NULL,
    "at" TIMESTAMP NOT NULL,
    retriever_id VARCHAR NOT NULL,
    surface VARCHAR,
    device VARCHAR,
    actor VARCHAR NOT NULL,
    variant VARCHAR,
    query_key VARCHAR NOT NULL,
    cluster_key BIGINT NOT NULL,
    cluster_level TINYINT NOT NULL,
    n_results INTEGER,
    is_counted BOOLEAN NOT NULL,
    is_robot BOOLEAN NOT NULL,
    is_repeat BOOLEAN NOT NULL,
    n_clicked INTEGER NOT NULL,
    n_duplicate_clicks INTEGER NOT NULL,
    first_click_position INTEGER,
    first_click_delay_ms BIGINT,
    n_interactions INTEGER NOT NULL,
    is_converted BOOLEAN NOT NULL,
    value_micros BIGINT NOT NULL,
    is_reformulated BOOLEAN NOT NULL,
    is_abandoned BOOLEAN NOT NULL,
    visit_at TIMESTAMP NOT NULL
);

CREATE TABLE click_log (
    search_key BIGINT NOT NULL,
    position INTEGER NOT NULL,
    "day" DATE NOT NULL,
    retriever_id VARCHAR NOT NULL,
    surface VARCHAR,
    device VARCHAR,
    document_id VARCHAR NOT NULL,
    document_key BIGINT NOT NULL,
    query_key VARCHAR NOT NULL,
    cluster_key BIGINT NOT NULL,
    cluster_level TINYINT NOT NULL,
    is_counted BOOLEAN NOT NULL,
    clicked TINYINT NOT NULL,
    n_clicks INTEGER NOT NULL,
    converted TINYINT NOT NULL,
    duration_ms DOUBLE,
    first_click_delay_ms BIGINT,
    type_mask BIGINT NOT NULL,
    value_micros BIGINT NOT NULL
);
