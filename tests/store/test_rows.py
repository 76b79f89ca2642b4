"""Names and tables: what people type into a store, and what they take out of it into a spreadsheet."""

import io
import json

import pandas
import pytest

from edgekit.core.errors import StoreError
from edgekit.core.run import Status
from edgekit.store.store import Store
from tests.factories import a_run, a_stopped_run


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "store") as opened:
        yield opened


@pytest.mark.parametrize(
    ("name", "shown"),
    [("x" * 81, f"this has 81: '{'x' * 20}'…"), ("two\nlines", r"this has 9: 'two\nlines'…"), ("\x1b[1m", None)],
)
def test_a_bad_name_is_refused(store, name, shown):
    run = a_run(name="good")
    store.save(run)
    with pytest.raises(StoreError) as refused:
        store.rename(run.id, name)
    if shown:
        assert str(refused.value) == f"a name must be one line of at most 80 characters; {shown}"
    assert store.get(run.id).name == "good"


def test_the_csv_file_has_units_and_opens_in_pandas(store):
    store.save(a_run(id="good", name='A "good", one', recipe=[{"quantize_static": {}}]))
    store.save(a_stopped_run(Status.FAILED, "=no", id="bad"))
    table = pandas.read_csv(io.StringIO(store.csv())).set_index("id")
    assert list(table.index) == ["bad", "good"]
    good, bad = table.loc["good"], table.loc["bad"]
    assert (good["name"], json.loads(good["recipe"])) == ('A "good", one', [{"quantize_static": {}}])
    assert good["accuracy [fraction]"] == 0.9177
    assert good["accuracy low [fraction]"] < good["accuracy [fraction]"] < good["accuracy high [fraction]"]
    assert (good["size_bytes [bytes]"], good["latency_ms [ms]"], good["macs [MACs]"]) == (441_000, 0.11, 2_293_000)
    assert (good["latency_ratio"], good["speed"], good["p_value"]) == (0.52, "faster", 0.013)
    assert (bad["status"], bad["error"]) == ("failed", "'=no"), "spreadsheets must not run it as a formula"
    assert bad[["accuracy [fraction]", "latency_ratio"]].isna().all()
