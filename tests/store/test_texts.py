"""Tables that took long to measure are kept as texts beside the arrays: whole, replaced, and never cleared away."""

from edgekit.store.store import Store


def test_a_table_is_found_again_by_its_key_also_by_another_store(tmp_path):
    with Store.open(tmp_path) as store:
        assert store.table("layers/of a model") is None
        store.put_table("layers/of a model", '{"é": 1}')
        store.put_table("layers/of a model", '{"é": 2}')
    with Store.open(tmp_path) as store:
        assert store.table("layers/of a model") == '{"é": 2}'
        assert store.table("layers") is None


def test_a_table_stays_when_room_is_made(tmp_path):
    with Store.open(tmp_path) as store:
        store.put_table("a", "b")
        store.retention(quota_bytes=0)
        assert store.table("a") == "b"
        assert store.get_array("a") is None
