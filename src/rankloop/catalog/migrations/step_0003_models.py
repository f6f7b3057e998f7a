"""Models: the state of each, and every step it took with the evidence for it."""

from __future__ import annotations

import sqlalchemy
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of models and of their transitions."""
    op.create_table(
        "models",
        sqlalchemy.Column("model_id", sqlalchemy.String(128), primary_key=True),
        sqlalchemy.Column("kind", sqlalchemy.String(16), nullable=False),
        sqlalchemy.Column("retriever_id", sqlalchemy.String(128), nullable=False),
        sqlalchemy.Column("state", sqlalchemy.String(16), nullable=False),
        sqlalchemy.Column("created_at", sqlalchemy.BigInteger, nullable=False),
    )
    op.create_table(
        "model_transitions",
        sqlalchemy.Column("number", sqlalchemy.Integer, primary_key=True, autoincrement=True),
        sqlalchemy.Column("model_id", sqlalchemy.String(128), nullable=False),
        sqlalchemy.Column("at", sqlalchemy.BigInteger, nullable=False),
        sqlalchemy.Column("state_before", sqlalchemy.String(16), nullable=True),
        sqlalchemy.Column("state_after", sqlalchemy.String(16), nullable=False),
        sqlalchemy.Column("decided_by", sqlalchemy.String(64), nullable=False),
        sqlalchemy.Column("why", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("evidence", sqlalchemy.Text, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables of models and of their transitions."""
    op.drop_table("model_transitions")
    op.drop_table("models")
