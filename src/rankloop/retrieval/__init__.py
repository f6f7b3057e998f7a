"""From a query to a ranking: pipelines read, built and run within their time."""
