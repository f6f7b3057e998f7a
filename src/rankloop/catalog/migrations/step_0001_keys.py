"""Keys: who may call, hashed."""

from __future__ import annotations

import sqlalchemy
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table of keys."""
    op.create_table(
        "keys",
        sqlalchemy.Column("key_id", sqlalchemy.String, primary_key=True),
        sqlalchemy.Column("name", sqlalchemy.String, nullable=False),
        sqlalchemy.Column("token_sha256", sqlalchemy.String(64), nullable=False, unique=True),
        sqlalchemy.Column("scopes", sqlalchemy.String, nullable=False),
        sqlalchemy.Column("created_at", sqlalchemy.BigInteger, nullable=False),
        sqlalchemy.Column("revoked_at", sqlalchemy.BigInteger, nullable=True),
    )


def downgrade() -> None:
    """Drop the table of keys."""
    op.drop_table("keys")
