"""Retrievers: pipelines by version, and which version of each is in use."""

from __future__ import annotations

import sqlalchemy
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of retrievers and of their versions."""
    op.create_table(
        "retrievers",
        sqlalchemy.Column("retriever_id", sqlalchemy.String(128), primary_key=True),
        sqlalchemy.Column("version", sqlalchemy.Integer, nullable=False),
        sqlalchemy.Column("deleted_at", sqlalchemy.BigInteger, nullable=True),
    )
    op.create_table(
        "retriever_versions",
        sqlalchemy.Column("retriever_id", sqlalchemy.String(128), primary_key=True),
        sqlalchemy.Column("version", sqlalchemy.Integer, primary_key=True),
        sqlalchemy.Column("configuration", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("created_at", sqlalchemy.BigInteger, nullable=False),
        sqlalchemy.Column("restored_from", sqlalchemy.Integer, nullable=True),
    )


def downgrade() -> None:
    """Drop the tables of retrievers and of their versions."""
    op.drop_table("retriever_versions")
    op.drop_table("retrievers")
