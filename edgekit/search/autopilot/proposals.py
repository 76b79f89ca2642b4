"""The next recipe to look at, by Optuna: a function of what was measured, in that order, and of the seed.

A tree-structured Parzen estimator for several objectives (Ozaki et al. 2022, doi:10.1613/jair.1.13188) proposes what is
likelier among the better half of the recipes than among the others: quality, log size and log latency, all at once,
where limits are constraints (Watanabe and Hutter 2022, arXiv:2211.14411). The techniques are drawn together, then their
settings. The likeliest of many candidates soon is a recipe that was tried: the fewer candidates, the freer the choice
among what is alike. Every other draw stores a network that was not lost in another way. What is proposed follows from
the measurements alone, so that a search that was stopped goes on as if it had not been.
"""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from edgekit.search.autopilot.kept import Steps
from edgekit.search.autopilot.seen import Seen, key
from edgekit.search.autopilot.space import NOTHING, Space

if TYPE_CHECKING:
    import optuna

CANDIDATES = (24, 4, 2, 1, 1, 1, 1, 1)  # for each draw, of which the likeliest is taken; for all later ones, by chance
DRAWS = 60  # until the space counts as used up
AT_FIRST = 8  # measurements before any is learned from
EXCESS = "excess"
WORST_LATENCY = 4.0  # share of the original's, where nothing is known


class Proposals:
    """What Optuna learned of one space, and what it proposes next.

    Args:
        seed: of all chance; the number of recipes tried goes in too, so that each call draws something else.
    """

    def __init__(self, space: Space, seed: int):
        self._space, self._seed = space, seed
        self._study: optuna.Study | None = None
        self._told: list[Seen] = []
        self._networks: list[tuple[Seen, dict[str, Any]]] = []  # what was told and may be stored in another way

    def next(
        self,
        seen: Sequence[Seen],
        known: Collection[str],
        useless: float = math.inf,
        in_vain: Callable[[Steps], bool] = lambda steps: False,
    ) -> Steps | None:
        """A recipe that works on the model and was not tried; None if hardly any is left.

        Args:
            seen: what was measured so far, in order. Where it goes on from what came the last time, only the rest is
                learned: to learn all of 1,000 measurements takes 0.3 s.
            known: keys of all recipes that were tried, or are being tried now.
            useless: the quality, a fraction, that is too much to lose.
            in_vain: whether a recipe is not worth proposing.
        """
        import optuna  # it takes a second to import
        from optuna.trial import TrialState

        with _silence():
            if self._study is None or self._told != list(seen[: len(self._told)]):
                self._study = optuna.create_study(directions=["minimize"] * 3)
                self._told, self._networks = [], []
            self._study.sampler = _sampler(self._seed, 0)  # one that takes in which limits were missed
            for one in seen[len(self._told) :]:
                self._tell(self._study, one)
            standing = [parameters for one, parameters in self._networks if one.gain.high >= -useless]
            for draw in range(DRAWS):
                self._study.sampler = sampler = _sampler(self._seed + 7919 * len(known), draw)
                if standing and draw % 2:
                    network = standing[(len(known) + draw // 2) % len(standing)]
                    self._study.sampler = optuna.samplers.PartialFixedSampler(network, sampler)
                steps = self._space.suggest(asked := self._study.ask())
                self._study.tell(asked, state=TrialState.FAIL)  # nothing is learned of what was only drawn
                if steps and key(steps) not in known and not in_vain(steps) and not self._space.problems(steps):
                    return steps
        return None

    def _tell(self, study: optuna.Study, one: Seen) -> None:
        """Let the study know of a measurement, unless its recipe is none that the space would propose."""
        self._told.append(one)
        parameters = self._space.parameters(one.steps)
        if parameters is None:
            return
        study.enqueue_trial(parameters)
        trial = study.ask()
        self._space.draw(trial)
        trial.set_user_attr(EXCESS, min(one.excess, 1e6))
        study.tell(trial, [-one.gain.value, math.log(one.size), math.log(one.latency or WORST_LATENCY)])
        if parameters.pop("encode", None) == NOTHING:
            self._networks.append((one, parameters))


def _sampler(seed: int, draw: int) -> optuna.samplers.BaseSampler:
    import optuna

    seed += 104_729 * draw
    if draw >= len(CANDIDATES):
        return optuna.samplers.RandomSampler(seed=seed)
    return optuna.samplers.TPESampler(
        seed=seed, n_startup_trials=AT_FIRST, n_ei_candidates=CANDIDATES[draw], multivariate=True,
        constraints_func=lambda trial: (trial.user_attrs.get(EXCESS, 0.0),),
    )  # fmt: skip


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Optuna without its lines on the screen, and without warnings that constraints are experimental."""
    import optuna

    loudness = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(loudness)
