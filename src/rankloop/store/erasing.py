"""Forgetting: a user's rows, or one interaction, with all that was derived from them.

What stays are tombstones, so that a late retry of an erased event resurrects nothing, and the
days whose derived rows have to be made anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rankloop.store.statements import compose, fetch_row

if TYPE_CHECKING:
    import duckdb

_FIND_USER: Final = (
    "CREATE OR REPLACE TEMP TABLE erased_searches AS"
    ' SELECT search_key, search_id, page_offset, "at"::DATE AS "day" FROM searches'
    " WHERE user_key = $user_key",
    # A click that names no user, on a list shown to this user, is this user's.
    "CREATE OR REPLACE TEMP TABLE erased_interactions AS"
    ' SELECT interaction_key, interaction_id, "at"::DATE AS "day" FROM interactions'
    " WHERE user_key = $user_key OR (user_key IS NULL AND search_id IN"
    " (SELECT search_id FROM erased_searches))",
)

_FIND_INTERACTION: Final = (
    "CREATE OR REPLACE TEMP TABLE erased_searches AS"
    ' SELECT search_key, search_id, page_offset, "at"::DATE AS "day" FROM searches WHERE false',
    "CREATE OR REPLACE TEMP TABLE erased_interactions AS"
    ' SELECT interaction_key, interaction_id, "at"::DATE AS "day" FROM interactions'
    " WHERE interaction_id = $interaction_id",
)

_MARK_DAYS: Final = (
    'INSERT INTO dirty_days SELECT "day" FROM erased_searches'
    ' UNION SELECT "day" FROM erased_interactions'
    # Others' clicks lose their list, and lists lose clicks of another day.
    " UNION SELECT interaction_day FROM credits"
    " WHERE search_key IN (SELECT search_key FROM erased_searches)"
    ' UNION SELECT s."at"::DATE FROM credits c JOIN searches s ON s.search_key = c.search_key'
    " WHERE c.interaction_key IN (SELECT interaction_key FROM erased_interactions)"
    ' EXCEPT SELECT "day" FROM dirty_days'
)

_MARK_TOMBSTONES: Final = (
    "INSERT INTO tombstones SELECT md5(interaction_id) FROM erased_interactions"
    " UNION SELECT md5(search_id || chr(31) || page_offset) FROM erased_searches"
    " EXCEPT SELECT id_hash FROM tombstones"
)

_DELETIONS: Final = {
    "interactions": "interaction_key IN (SELECT interaction_key FROM erased_interactions)",
    "searches": "search_key IN (SELECT search_key FROM erased_searches)",
    "search_features": "search_key IN (SELECT search_key FROM erased_searches)",
    "impressions": "search_key IN (SELECT search_key FROM erased_searches)",
    "credits": "interaction_key IN (SELECT interaction_key FROM erased_interactions)"
    " OR search_key IN (SELECT search_key FROM erased_searches)",
    "search_log": "search_key IN (SELECT search_key FROM erased_searches)",
    "click_log": "search_key IN (SELECT search_key FROM erased_searches)",
}

_ADDED_UP: Final = {
    "position_days": '"day" IN (SELECT "day" FROM dirty_days)',
    "document_days": '"day" IN (SELECT "day" FROM dirty_days)',
    "cell_days": '"day" IN (SELECT "day" FROM dirty_days)',
    "cell_weeks": "week IN (SELECT date_trunc('week', \"day\")::DATE FROM dirty_days)",
}
"""What is added up by day or week holds no row of anyone's own: it goes with the day."""


def erase_user(cursor: duckdb.DuckDBPyConnection, user_key: str) -> dict[str, int]:
    """Delete a user's searches and interactions inside the transaction that is open.

    Interactions that name no user count as the user's where their list was shown to the user.

    Returns:
        How many rows went, by table.
    """
    for statement in _FIND_USER:
        given = {"user_key": user_key} if "$user_key" in statement else None
        cursor.execute(statement, given)
    return _erase(cursor)


def erase_interaction(cursor: duckdb.DuckDBPyConnection, interaction_id: str) -> dict[str, int]:
    """Delete one interaction inside the transaction that is open; say how many rows went."""
    for statement in _FIND_INTERACTION:
        given = {"interaction_id": interaction_id} if "$interaction_id" in statement else None
        cursor.execute(statement, given)
    return _erase(cursor)


def _erase(cursor: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """Mark days and tombstones of what was found, then delete it."""
    cursor.execute(_MARK_DAYS)
    cursor.execute(_MARK_TOMBSTONES)
    for table, condition in _ADDED_UP.items():
        _delete(cursor, table, condition)
    return {table: _delete(cursor, table, condition) for table, condition in _DELETIONS.items()}


def _delete(cursor: duckdb.DuckDBPyConnection, table: str, condition: str) -> int:
    """Delete rows of a table and say how many."""
    statement = compose("DELETE FROM {table} WHERE {condition}", table=table, condition=condition)
    return int(fetch_row(cursor, statement)[0])
