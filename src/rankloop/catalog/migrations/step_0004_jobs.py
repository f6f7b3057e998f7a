"""Jobs: what is to be done, how far each is, its log and finished steps, and schedules."""

from __future__ import annotations

import sqlalchemy
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables of jobs, of their log lines and steps, and of schedules."""
    op.create_table(
        "jobs",
        sqlalchemy.Column("job_id", sqlalchemy.String(64), primary_key=True),
        sqlalchemy.Column("kind", sqlalchemy.String(32), nullable=False),
        sqlalchemy.Column("retriever_id", sqlalchemy.String(128), nullable=True),
        sqlalchemy.Column("parameters", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("schedule", sqlalchemy.String(64), nullable=True),
        sqlalchemy.Column("state", sqlalchemy.String(16), nullable=False),
        sqlalchemy.Column("is_cancelling", sqlalchemy.Boolean, nullable=False),
        sqlalchemy.Column("share", sqlalchemy.Float, nullable=False),
        sqlalchemy.Column("message", sqlalchemy.Text, nullable=False),
        sqlalchemy.Column("result", sqlalchemy.Text, nullable=True),
        sqlalchemy.Column("problem", sqlalchemy.Text, nullable=True),
        sqlalchemy.Column("attempts", sqlalchemy.Integer, nullable=False),
        sqlalchemy.Column("created_at", sqlalchemy.BigInteger, nullable=False),
        sqlalchemy.Column("started_at", sqlalchemy.BigInteger, nullable=True),
        sqlalchemy.Column("ended_at", sqlalchemy.BigInteger, nullable=True),
    )
    op.create_index("jobs_by_state", "jobs", ["state", "created_at"])
    op.create_table(
        "job_lines",
        sqlalchemy.Column("number", sqlalchemy.Integer, primary_key=True, autoincrement=True),
        sqlalchemy.Column("job_id", sqlalchemy.String(64), nullable=False, index=True),
        sqlalchemy.Column("at", sqlalchemy.BigInteger, nullable=False),
        sqlalchemy.Column("text", sqlalchemy.Text, nullable=False),
    )
    op.create_table(
        "job_steps",
        sqlalchemy.Column("job_id", sqlalchemy.String(64), primary_key=True),
        sqlalchemy.Column("name", sqlalchemy.String(256), primary_key=True),
        sqlalchemy.Column("value", sqlalchemy.Text, nullable=False),
    )
    op.create_table(
        "job_schedules",
        sqlalchemy.Column("name", sqlalchemy.String(64), primary_key=True),
        sqlalchemy.Column("every", sqlalchemy.String(16), nullable=False),
        sqlalchemy.Column("next_at", sqlalchemy.BigInteger, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables of jobs."""
    for name in ("job_schedules", "job_steps", "job_lines", "jobs"):
        op.drop_table(name)
