"""Whom a model learned from: groups of people, as the log tells them apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rankloop.store.identifiers import to_hashes
from rankloop.tables.manifests import N_SHARDS

if TYPE_CHECKING:
    from datetime import datetime

    from rankloop.models.manifest import Manifest


def find_shard(user_key: str) -> int:
    """Return the group of a user, the same as the log's `cluster_key % 64`.

    Args:
        user_key: The user as stored.

    Example:
        >>> find_shard("u~1")
        30
    """
    return int(to_hashes([f"user {user_key}"])[0]) // 2 % N_SHARDS


def may_have_learned_from(manifest: Manifest, user_key: str, last_at: datetime) -> bool:
    """Say whether a model may have learned from a user.

    It has not where all that is known of the user is older than what it learned from, or where it
    learned from other groups of people. What people did after its data ends may have counted all
    the same: a later click keeps a document from being taken for a bad one.

    Args:
        manifest: What the model was made of; no shards means that people were not told apart.
        user_key: The user as stored.
        last_at: The user's last deed on record, UTC.
    """
    is_after = manifest.window.start is None or last_at >= manifest.window.start
    return is_after and (not manifest.shards or find_shard(user_key) in manifest.shards)
