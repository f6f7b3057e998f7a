-- Which policy showed a list and whether it explored, what ended it, and cells by day and by week.
-- Derived tables are written anew in their new form: the next refresh fills them.

DROP TABLE search_log;

-- One list and what followed.
CREATE TABLE search_log (
    search_key BIGINT NOT NULL, -- the list
    "day" DATE NOT NULL, -- its day, UTC
    "at" TIMESTAMP NOT NULL, -- when it was shown, UTC
    retriever_id VARCHAR NOT NULL, -- who ranked it
    pipeline_version VARCHAR, -- what ranked it, such as `default@12`
    surface VARCHAR, -- where it was shown
    device VARCHAR, -- on what kind of device
    actor VARCHAR NOT NULL, -- who searched
    variant VARCHAR, -- the arm of an experiment
    query_key VARCHAR NOT NULL, -- the information need
    cluster_key BIGINT NOT NULL, -- whose lists hang together: a hash of the user, else session, else search
    cluster_level TINYINT NOT NULL, -- 0 by user, 1 by session, 2 by search
    n_results INTEGER, -- length of the list; NULL where it is unknown
    is_counted BOOLEAN NOT NULL, -- whether rates count it: a person's list, not a robot's
    is_explored BOOLEAN NOT NULL, -- whether chance had a say in its order, by probability or tag
    is_robot BOOLEAN NOT NULL, -- whether its sender was too busy for a person
    is_repeat BOOLEAN NOT NULL, -- whether the same list was shown unchanged shortly before
    n_clicked INTEGER NOT NULL, -- distinct impressions that were clicked
    n_duplicate_clicks INTEGER NOT NULL, -- clicks beyond the first on one impression
    first_click_position INTEGER, -- where the first click was
    first_click_delay_ms BIGINT, -- from showing to the first click, milliseconds
    final_click_position INTEGER, -- where the last click was, if nothing else was asked for soon after it
    n_interactions INTEGER NOT NULL, -- interactions credited to it
    is_converted BOOLEAN NOT NULL, -- whether something was bought or put into the cart
    value_micros BIGINT NOT NULL, -- monetary value in millionths of the unit
    is_reformulated BOOLEAN NOT NULL, -- whether another query followed soon, and no click before it
    is_abandoned BOOLEAN NOT NULL, -- whether a known list was followed by nothing at all
    visit_at TIMESTAMP NOT NULL -- when its visit began, UTC
);

DROP TABLE click_log;

-- One impression and what followed.
CREATE TABLE click_log (
    search_key BIGINT NOT NULL, -- the list
    position INTEGER NOT NULL, -- where the document stood, from 0
    "day" DATE NOT NULL, -- the list's day, UTC
    retriever_id VARCHAR NOT NULL, -- who ranked it
    pipeline_version VARCHAR, -- what ranked it, such as `default@12`
    surface VARCHAR, -- where it was shown
    device VARCHAR, -- on what kind of device
    document_id VARCHAR NOT NULL, -- the document
    document_key BIGINT NOT NULL, -- a number made of it, for fast grouping
    query_key VARCHAR NOT NULL, -- the information need
    cluster_key BIGINT NOT NULL, -- whose impressions hang together
    cluster_level TINYINT NOT NULL, -- 0 by user, 1 by session, 2 by search
    is_counted BOOLEAN NOT NULL, -- whether rates count it
    is_explored BOOLEAN NOT NULL, -- whether chance had a say in the list's order
    previous_click INTEGER NOT NULL, -- position of the last click above it in the list; -1 for none
    clicked TINYINT NOT NULL, -- 1 where it was clicked
    n_clicks INTEGER NOT NULL, -- clicks, repeated ones too
    is_final_click BOOLEAN NOT NULL, -- whether the list's last click, and nothing else asked for soon after
    converted TINYINT NOT NULL, -- 1 where it was bought or put into the cart
    duration_ms DOUBLE, -- dwell time, milliseconds
    first_click_delay_ms BIGINT, -- from showing to the first click, milliseconds
    type_mask BIGINT NOT NULL, -- one bit per type of interaction credited to it
    value_micros BIGINT NOT NULL -- monetary value in millionths of the unit
);

-- Cells of days that are not rolled up: counts of people's lists, by all that tells impressions apart.
CREATE TABLE cell_days (
    "day" DATE NOT NULL, -- the lists' day, UTC
    retriever_id VARCHAR NOT NULL, -- who ranked them
    surface VARCHAR, -- where they were shown
    device VARCHAR, -- on what kind of device
    pipeline_version VARCHAR, -- the policy: what ranked them
    is_explored BOOLEAN NOT NULL, -- whether chance had a say in their order
    query_key VARCHAR NOT NULL, -- the information need
    document_id VARCHAR NOT NULL, -- the document
    position INTEGER NOT NULL, -- where it stood, from 0
    previous_click INTEGER NOT NULL, -- position of the last click above it; -1 for none
    n INTEGER NOT NULL, -- impressions
    clicks INTEGER NOT NULL, -- clicked ones
    satisfied INTEGER NOT NULL, -- clicked ones that held the person
    long_view INTEGER NOT NULL, -- looked at for long, as sent or for 30 seconds and more
    purchase INTEGER NOT NULL, -- bought
    add_to_cart INTEGER NOT NULL, -- put into the cart
    positive_feedback INTEGER NOT NULL, -- called good
    negative_feedback INTEGER NOT NULL, -- called bad
    return_to_results INTEGER NOT NULL -- left for the list again
);

-- Cells of weeks that are closed: what their days added up to.
CREATE TABLE cell_weeks (
    "week" DATE NOT NULL, -- the Monday of the lists' week, UTC
    retriever_id VARCHAR NOT NULL, -- who ranked them
    surface VARCHAR, -- where they were shown
    device VARCHAR, -- on what kind of device
    pipeline_version VARCHAR, -- the policy: what ranked them
    is_explored BOOLEAN NOT NULL, -- whether chance had a say in their order
    query_key VARCHAR NOT NULL, -- the information need
    document_id VARCHAR NOT NULL, -- the document
    position INTEGER NOT NULL, -- where it stood, from 0
    previous_click INTEGER NOT NULL, -- position of the last click above it; -1 for none
    n INTEGER NOT NULL, -- impressions
    clicks INTEGER NOT NULL, -- clicked ones
    satisfied INTEGER NOT NULL, -- clicked ones that held the person
    long_view INTEGER NOT NULL, -- looked at for long, as sent or for 30 seconds and more
    purchase INTEGER NOT NULL, -- bought
    add_to_cart INTEGER NOT NULL, -- put into the cart
    positive_feedback INTEGER NOT NULL, -- called good
    negative_feedback INTEGER NOT NULL, -- called bad
    return_to_results INTEGER NOT NULL -- left for the list again
);
