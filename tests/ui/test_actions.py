"""What clicks start: the runs that come of them, and what can be seen of them before they are done."""

from edgekit.jobs.jobs import JobStatus, jobs
from edgekit.store.store import Store
from edgekit.ui import actions
from edgekit.ui.actions import Wish

PATIENCE = 120  # seconds


def test_a_race_measures_each_recipe_and_gives_their_runs_in_order(own_store):
    recipes = [[{"quantize_fp16": {}}], [{"prune_weights": {"sparsity": 0.9}}]]
    with Store.open() as store:
        job = actions.race([Wish("lenet5-fashion", recipe, 200) for recipe in recipes], store, "tab")
        ended = jobs().wait(job.id, PATIENCE)
        assert ended.status is JobStatus.DONE
        assert [store.get(id).recipe for id in ended.result] == recipes


def test_a_run_that_trains_can_be_looked_at_by_the_name_that_its_job_tells(own_store):
    with Store.open() as store:
        job = actions.compress(Wish("lenet5-fashion", [{"fine_tune": {"epochs": 1}}], 200), store, "tab")
        ended = jobs().wait(job.id, PATIENCE)
        assert ended.result.id == job.run
        assert [point["step"] for point in store.get(job.run).curve] == [1]
