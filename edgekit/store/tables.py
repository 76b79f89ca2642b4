"""The tables of a store. What lists and charts need stands in `runs`; the whole of a run is JSON text in `bodies`.

`uses` says who needs a file: runs, by id, and processes that are still making a run of it, by owner. A file that
nobody uses may go.
"""

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

SCHEMA = 2

metadata = MetaData()

about = Table("about", metadata, Column("key", String(32), primary_key=True), Column("value", String(200)))

runs = Table(
    "runs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("created", Float, nullable=False),  # seconds since 1970, UTC
    Column("model", String(200), nullable=False),
    Column("samples", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("name", String(200), nullable=False),
    Column("pinned", Boolean, nullable=False),
    Column("owner", String(200), nullable=False),
    Column("host", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),  # of its file; empty where there is none
    Column("recipe", Text, nullable=False),  # JSON
    Column("metrics", Text, nullable=False),  # JSON: metric -> [value, low, high]
    Column("comparison", Text, nullable=False),  # JSON
    Column("error", Text, nullable=False),
    Column("split", String(16), nullable=False),
    Column("made", String(64), nullable=False),
    Index("runs_newest", "created", "id"),
    Index("runs_of_split", "split", "created", "id"),
    Index("runs_of_model", "model", "split", "created", "id"),
    Index("runs_in_chart", "model", "samples", "split", "created", "id"),
    Index("runs_same", "fingerprint", "created"),
    Index("runs_with_status", "status", "split", "created", "id"),
    Index("runs_made_alike", "made", "created"),
)

bodies = Table("bodies", metadata, Column("id", String(32), primary_key=True), Column("body", Text, nullable=False))

searches = Table(
    "searches",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("created", Float, nullable=False),  # seconds since 1970, UTC
    Column("model", String(200), nullable=False),
    Column("status", String(16), nullable=False),
    Column("owner", String(200), nullable=False),
    Column("asked", String(16), nullable=False),  # of its owner: "pause", "stop", or nothing
    Column("body", Text, nullable=False),  # JSON
    Index("searches_newest", "created", "id"),
)

deleted = Table("deleted", metadata, Column("id", String(32), primary_key=True))

files = Table(
    "files",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("added", Float, nullable=False),  # seconds since 1970
)

uses = Table(
    "uses",
    metadata,
    Column("user", String(200), primary_key=True),  # a run's id, or a process's owner()
    Column("sha256", String(64), primary_key=True),
    Index("uses_of_file", "sha256"),
)
