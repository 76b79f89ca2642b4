"""What the catalog promises of every data set."""

import pytest

from edgekit.core.errors import DataError
from edgekit.data.catalog import ARRAYS, entries, entry
from edgekit.tasks import task


@pytest.mark.parametrize("name", list(entries()))
def test_every_data_set_has_a_licence_a_citation_and_a_sum_for_each_array(name):
    found = entry(name)
    assert found.licence
    assert found.citation
    assert set(found.sha256) == set(ARRAYS)
    assert all(len(value) == 64 for value in found.sha256.values())
    assert len(found.classes) >= 2 or not task(found.task).classes
    assert found.validation < found.training / (2 if name == "orl-faces" else 5)


@pytest.mark.parametrize("name", list(entries()))
def test_every_data_set_has_its_official_source_first_and_a_package_at_last(name):
    kinds = [source.kind for source in entry(name).sources]
    assert "url" not in kinds or kinds[0] == "url"
    assert kinds[-1] in ("npm", "pip", "apt", "made")
    assert all(
        file.sha256 or file.md5 for source in entry(name).sources for file in source.files if name != "orl-faces"
    )


def test_an_unknown_data_set_is_refused_with_those_that_exist():
    with pytest.raises(DataError) as refused:
        entry("imagenet")
    assert str(refused.value) == f"no data set 'imagenet'. There are: {', '.join(sorted(entries()))}."
