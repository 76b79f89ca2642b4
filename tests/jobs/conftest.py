"""A queue for every test of the jobs."""

import pytest

from edgekit.jobs.jobs import Jobs
from tests.jobs.work import SOON


@pytest.fixture
def queue():
    """A queue of this test's own, stopped at its end."""
    made = Jobs()
    yield made
    for job in made.active():
        made.cancel(job.id)
        assert not made.wait(job.id, SOON).active
