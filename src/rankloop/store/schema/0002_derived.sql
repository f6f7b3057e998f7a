-- What attribution makes of the raw facts: rebuilt by day, never the truth.

-- What each interaction with a document is credited to; at most one list.
CREATE TABLE credits (
    interaction_key BIGINT NOT NULL, -- the interaction
    interaction_day DATE NOT NULL, -- its day, UTC
    search_key BIGINT, -- the list; for an orphan NULL, or one it names that lacks the document
    position INTEGER, -- where the document stood in it
    rule TINYINT NOT NULL -- 0 orphan, 1 by `search_id`, 2 by session, 3 by user
);

-- One list and what followed.
CREATE TABLE search_log (
    search_key BIGINT NOT NULL, -- the list
    "day" DATE NOT NULL, -- its day, UTC
    "at" TIMESTAMP NOT NULL, -- when it was shown, UTC
    retriever_id VARCHAR NOT NULL, -- who ranked it
    surface VARCHAR, -- where it was shown
    device VARCHAR, -- on what kind of device
    actor VARCHAR NOT NULL, -- who searched
    variant VARCHAR, -- the arm of an experiment
    query_key VARCHAR NOT NULL, -- the information need
    cluster_key BIGINT NOT NULL, -- whose lists hang together: a hash of the user, else session, else search
    cluster_level TINYINT NOT NULL, -- 0 by user, 1 by session, 2 by search
    n_results INTEGER, -- length of the list; NULL where it is unknown
    is_counted BOOLEAN NOT NULL, -- whether rates count it: a person's list, not a robot's
    is_robot BOOLEAN NOT NULL, -- whether its sender was too busy for a person
    is_repeat BOOLEAN NOT NULL, -- whether the same list was shown unchanged shortly before
    n_clicked INTEGER NOT NULL, -- distinct impressions that were clicked
    n_duplicate_clicks INTEGER NOT NULL, -- clicks beyond the first on one impression
    first_click_position INTEGER, -- where the first click was
    first_click_delay_ms BIGINT, -- from showing to the first click, milliseconds
    n_interactions INTEGER NOT NULL, -- interactions credited to it
    is_converted BOOLEAN NOT NULL, -- whether something was bought or put into the cart
    value_micros BIGINT NOT NULL, -- monetary value in millionths of the unit
    is_reformulated BOOLEAN NOT NULL, -- whether another query followed soon, and no click before it
    is_abandoned BOOLEAN NOT NULL, -- whether a known list was followed by nothing at all
    visit_at TIMESTAMP NOT NULL -- when its visit began, UTC
);

-- One impression and what followed.
CREATE TABLE click_log (
    search_key BIGINT NOT NULL, -- the list
    position INTEGER NOT NULL, -- where the document stood, from 0
    "day" DATE NOT NULL, -- the list's day, UTC
    retriever_id VARCHAR NOT NULL, -- who ranked it
    surface VARCHAR, -- where it was shown
    device VARCHAR, -- on what kind of device
    document_id VARCHAR NOT NULL, -- the document
    document_key BIGINT NOT NULL, -- a number made of it, for fast grouping
    query_key VARCHAR NOT NULL, -- the information need
    cluster_key BIGINT NOT NULL, -- whose impressions hang together
    cluster_level TINYINT NOT NULL, -- 0 by user, 1 by session, 2 by search
    is_counted BOOLEAN NOT NULL, -- whether rates count it
    clicked TINYINT NOT NULL, -- 1 where it was clicked
    n_clicks INTEGER NOT NULL, -- clicks, repeated ones too
    converted TINYINT NOT NULL, -- 1 where it was bought or put into the cart
    duration_ms DOUBLE, -- dwell time, milliseconds
    first_click_delay_ms BIGINT, -- from showing to the first click, milliseconds
    type_mask BIGINT NOT NULL, -- one bit per type of interaction credited to it
    value_micros BIGINT NOT NULL -- monetary value in millionths of the unit
);
