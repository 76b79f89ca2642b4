"""Ten thousand runs must not be felt: lists and charts are answered from an index, and bodies are read for one page."""

import pytest
from sqlalchemy import event, insert, select
from sqlalchemy.dialects import sqlite

from edgekit.core.run import Status
from edgekit.store import queries, tables
from edgekit.store.database import reading, writing
from edgekit.store.rows import COLUMNS, row
from edgekit.store.store import Store
from tests.factories import a_run


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        runs = [a_run(id=f"run{number:03d}") for number in range(200)]
        with writing(opened._engine) as connection:
            connection.execute(insert(tables.runs), [row(run) for run in runs])
            connection.execute(insert(tables.bodies), [{"id": r.id, "body": r.model_dump_json()} for r in runs])
        yield opened


def plan(store, query):
    """SQLite's own words on how it will answer a query."""
    text = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    with reading(store._engine) as connection:
        return [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}")]


def asked(query, **filters):
    all_filters = dict.fromkeys(("model", "samples", "statuses", "ids")) | {"search": "", "split": "test"} | filters
    return queries.newest_first(query.where(*queries.filters(**all_filters)))


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "runs_of_split"),
        ({"model": "lenet5-fashion"}, "runs_of_model"),
        ({"model": "lenet5-fashion", "samples": 10_000}, "runs_in_chart"),
        ({"statuses": [Status.RUNNING]}, "runs_with_status"),
    ],
)
def test_a_page_of_runs_is_read_from_an_index_without_sorting_all_of_them(store, filters, index):
    details = " · ".join(plan(store, asked(queries.whole(), **filters).limit(50)))
    assert f"INDEX {index}" in details
    assert "USE TEMP B-TREE FOR ORDER BY" not in details


def test_a_chart_reads_no_bodies(store):
    details = " · ".join(plan(store, asked(select(*COLUMNS), model="lenet5-fashion", samples=10_000)))
    assert "INDEX runs_in_chart" in details
    assert "bodies" not in details


def test_finding_the_same_run_again_uses_an_index(store):
    details = plan(store, queries.newest_first(queries.whole().where(tables.runs.c.fingerprint == "x")))
    assert "INDEX runs_same" in details[0]


def test_finding_a_file_that_was_made_before_uses_an_index(store):
    details = plan(store, queries.newest_first(queries.whole().where(tables.runs.c.made == "x")))
    assert "INDEX runs_made_alike" in details[0]


def statements(store):
    """Every statement that is sent to the database from now on."""
    sent = []
    event.listen(store._engine, "before_cursor_execute", lambda *words: sent.append(words[2]))
    return sent


def test_summaries_are_read_again_only_after_a_change(store):
    first, sent = store.summaries("lenet5-fashion"), statements(store)
    assert store.summaries("lenet5-fashion") == first
    assert [text for text in sent if "FROM runs" in text] == []
    store.rename("run007", "Bond")
    assert {summary.name for summary in store.summaries("lenet5-fashion")} == {"", "Bond"}


def test_a_change_by_another_store_is_seen_at_once(store, tmp_path):
    version = store.version()
    assert store.version() == version
    assert len(store.summaries()) == 200
    with Store.open(tmp_path / "store") as other:
        other.delete("run000")
    assert store.version() != version
    assert len(store.summaries()) == 199


def test_opening_a_store_reads_no_runs_and_writes_nothing(store, tmp_path):
    database = tmp_path / "store" / "edgekit.db"
    store.close()
    before = database.read_bytes()
    with Store.open(tmp_path / "store") as again:
        sent = statements(again)
        assert again.interrupt_dead() == []
        assert not [text for text in sent if text.startswith(("INSERT", "UPDATE", "DELETE"))]
    assert database.read_bytes() == before


def test_only_one_page_of_bodies_is_read(store):
    sent = statements(store)
    assert len(store.list(20, search="lenet5")) == 20
    assert all("LIMIT" in text for text in sent if "FROM runs" in text)
