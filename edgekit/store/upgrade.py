"""Stores of an earlier form are brought to this one in place when they are opened: nothing that was kept is lost."""

from sqlalchemy import Connection, text, update

from edgekit.store.tables import SCHEMA, about, metadata, runs

FROM_1 = (  # form 2 knows on which split a run was scored, and which runs made the same file
    "ALTER TABLE runs ADD COLUMN split VARCHAR(16) NOT NULL DEFAULT 'test'",
    "ALTER TABLE runs ADD COLUMN made VARCHAR(64) NOT NULL DEFAULT ''",
    "DROP INDEX runs_of_model",
    "DROP INDEX runs_in_chart",
    "DROP INDEX runs_with_status",
)
STEPS = {1: FROM_1}  # form -> the statements that lead to the next one, before new tables and indexes are made


def upgrade(connection: Connection, form: int) -> None:
    """Change the tables, inside a writing transaction: all of it, or nothing."""
    for step in range(form, SCHEMA):
        for statement in STEPS[step]:
            connection.execute(text(statement))
    for index in runs.indexes:
        index.create(connection, checkfirst=True)
    metadata.create_all(connection)
    connection.execute(update(about).where(about.c.key == "schema").values(value=str(SCHEMA)))
