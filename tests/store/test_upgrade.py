"""A store that an earlier EdgeKit made opens as it is: its runs are there, and new ones go beside them."""

import sqlite3

from edgekit.store.store import Store
from tests.factories import a_run

FORM_1 = """
CREATE TABLE about ("key" VARCHAR(32) NOT NULL PRIMARY KEY, value VARCHAR(200));
CREATE TABLE runs (id VARCHAR(32) NOT NULL PRIMARY KEY, created FLOAT NOT NULL, model VARCHAR(200) NOT NULL,
    samples INTEGER NOT NULL, status VARCHAR(16) NOT NULL, fingerprint VARCHAR(64) NOT NULL, name VARCHAR(200) NOT NULL,
    pinned BOOLEAN NOT NULL, owner VARCHAR(200) NOT NULL, host VARCHAR(64) NOT NULL, sha256 VARCHAR(64) NOT NULL,
    recipe TEXT NOT NULL, metrics TEXT NOT NULL, comparison TEXT NOT NULL, error TEXT NOT NULL);
CREATE INDEX runs_newest ON runs (created, id);
CREATE INDEX runs_of_model ON runs (model, created);
CREATE INDEX runs_in_chart ON runs (model, samples, created);
CREATE INDEX runs_same ON runs (fingerprint, created);
CREATE INDEX runs_with_status ON runs (status, created);
CREATE TABLE bodies (id VARCHAR(32) NOT NULL PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE deleted (id VARCHAR(32) NOT NULL PRIMARY KEY);
CREATE TABLE files (sha256 VARCHAR(64) NOT NULL PRIMARY KEY, bytes BIGINT NOT NULL, added FLOAT NOT NULL);
CREATE TABLE uses ("user" VARCHAR(200) NOT NULL, sha256 VARCHAR(64) NOT NULL, PRIMARY KEY ("user", sha256));
CREATE INDEX uses_of_file ON uses (sha256);
INSERT INTO about VALUES ('schema', '1');
INSERT INTO runs VALUES ('old', 1.0, 'lenet5-fashion', 10000, 'done', 'f', '', 1, '', 'h', '', '[]', '{}', '{}', '');
"""


def test_what_an_earlier_form_kept_is_still_there_and_counts_as_scored_on_the_test_set(tmp_path):
    old = a_run(id="old")
    body = old.model_dump_json(exclude={"split", "made", "making_seconds"})
    with sqlite3.connect(tmp_path / "edgekit.db") as connection:
        connection.executescript(FORM_1)
        connection.execute("INSERT INTO bodies VALUES ('old', ?)", (body,))
    connection.close()
    for _ in range(2):  # opened again, there is nothing more to do
        with Store.open(tmp_path) as store:
            store.save(a_run(id="new", split="validation"))
            assert [(run.id, run.pinned, run.recipe) for run in store.list()] == [("old", True, old.recipe)]
            assert {run.id for run in store.list(split=None)} == {"old", "new"}
