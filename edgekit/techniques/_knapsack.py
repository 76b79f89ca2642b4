"""One option for each item, at the least cost within a budget: the multiple-choice knapsack, solved exactly.

    least Σ cost[i, k(i)]  with  Σ size[i, k(i)] ≤ budget

Written with one 0/1 variable for every option, of which each item takes one, it goes to HiGHS (branch and bound), which
proves that nothing is better.
"""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

LARGEST = 1e4  # what the largest cost is scaled to, so that absolute tolerances (1e-6) mean nothing


def choose(costs: np.ndarray, sizes: np.ndarray, budget: int) -> np.ndarray:
    """The option of each item, (items,).

    Args:
        costs: (items, options), none below zero.
        sizes: (items, options), whole numbers.
        budget: not below what the smallest options take.
    """
    items, options = costs.shape
    one_each = np.kron(np.eye(items), np.ones(options))  # (items, items · options)
    found = milp(
        costs.ravel() * (LARGEST / (costs.max() or 1.0)),
        constraints=[LinearConstraint(one_each, 1, 1), LinearConstraint(sizes.reshape(1, -1), ub=budget)],
        integrality=np.ones(costs.size),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0},
    )
    assert found.success, found.message
    chosen = found.x.reshape(items, options).argmax(1)
    assert np.take_along_axis(sizes, chosen[:, None], 1).sum() <= budget
    return chosen
