-- The click log added up by day: what covers the whole log is read here, rebuilt with the day.

-- Impressions and clicks by position, in groups of people.
CREATE TABLE position_days (
    "day" DATE NOT NULL, -- the lists' day, UTC
    retriever_id VARCHAR NOT NULL, -- who ranked them
    surface VARCHAR, -- where they were shown
    device VARCHAR, -- on what kind of device
    is_counted BOOLEAN NOT NULL, -- whether rates count them
    position INTEGER NOT NULL, -- where the documents stood, from 0
    cluster SMALLINT NOT NULL, -- the group of people: the low ten bits of `cluster_key`
    impressions INTEGER NOT NULL, -- documents shown
    clicks INTEGER NOT NULL -- documents shown and clicked
);

-- Impressions and clicks by document and position.
CREATE TABLE document_days (
    "day" DATE NOT NULL, -- the lists' day, UTC
    retriever_id VARCHAR NOT NULL, -- who ranked them
    surface VARCHAR, -- where they were shown
    device VARCHAR, -- on what kind of device
    is_counted BOOLEAN NOT NULL, -- whether rates count them
    document_key BIGINT NOT NULL, -- the document, as a number
    position INTEGER NOT NULL, -- where it stood, from 0
    impressions INTEGER NOT NULL, -- how often it stood there
    clicks INTEGER NOT NULL, -- how often it was clicked there
    conversions INTEGER NOT NULL -- how often a purchase or a cart followed
);
