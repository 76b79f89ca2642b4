"""Block pruning: whole blocks that hardly change what passes through them go.  usefulness = 1 − cos(x, block(x))

Residual and transformer blocks add a little to what they are given. Where that is very little, the network works
without the block too, and is as many layers shallower. Only blocks that keep the shape of what they are given can go.
The share of these that `sparsity` asks for is rounded to the nearest number of blocks; above 0 at least one goes, and
one block of the network always stays. Criterion "similarity" looks at one pass of calibration samples and removes the
blocks whose input and output are most alike; "output" removes one block after the other, each time the one without
which the network's own outputs move least.

Batch normalisation is measured again on 512 samples once they are gone, where there is any.

Costs: one pass over `samples` calibration samples; with criterion "output" one for each block that is tried.
When it fails: in networks of few blocks, each of which does much: ResNet-20 lost 2.4 points without the least useful of
its nine, and 6.6 without two, before any fine-tuning (4.7 and 20 with batch normalisation as it was). A block may
hardly turn its input and still add what all later ones wait for; "output" sees that.
Reference: Men et al. 2024, "ShortGPT: Layers in Large Language Models are More Redundant Than You Expect",
arXiv:2403.03853; residual networks without single blocks: Veit et al. 2016, arXiv:1605.06431.
"""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from edgekit.core.anatomy import all_blocks, blocks
from edgekit.core.bench import Bench
from edgekit.core.errors import NothingToDo, SettingError, unknown
from edgekit.core.knobs import Knob
from edgekit.core.technique import Applied, Change, Fact, NetworkTechnique
from edgekit.techniques._forward import outputs, watching
from edgekit.techniques._once import once
from edgekit.techniques._recalibrate import recalibrate

Criterion = Literal["similarity", "output"]


class Nothing(nn.Identity):
    """Stands where a block was; what the block was told besides, such as a mask, plays no part."""

    def forward(self, x: Tensor, **others: object) -> Tensor:
        return x


class PruneBlocks(NetworkTechnique):
    """Settings of block pruning; see the module docstring."""

    sparsity: Annotated[
        float,
        Knob(unit="share", step=0.05, help="Share of the blocks removed, of those that keep a shape."),
    ] = Field(0.25, ge=0, le=0.9)
    criterion: Annotated[
        Criterion,
        Knob(help="Judge a block by how much it changes its own input, or the network's output."),
    ] = "similarity"
    samples: Annotated[
        int, Knob(unit="samples", log=True, advanced=True, help="Calibration samples that blocks are judged on.")
    ] = Field(256, ge=32, le=8192)
    recalibrate: Annotated[
        bool,
        Knob(help="Measure mean and variance of batch normalisation again, on samples without labels.", advanced=True),
    ] = True
    skip: Annotated[list[str], Knob(help="Name patterns of blocks to keep.", advanced=True)] = Field(
        default_factory=list
    )

    title, family = "Block pruning", "Pruning"
    effect = "Smaller file and faster; accuracy goes in large steps"
    reference = "Men et al. 2024, arXiv:2403.03853"
    needs = frozenset({Fact.FLOAT_WEIGHTS, Fact.BLOCKS, Fact.CALIBRATION_DATA})
    identity = {"sparsity": 0.0}

    @torch.no_grad()
    def apply(self, network: nn.Module, bench: Bench) -> Applied:
        """Replace the least useful blocks by nothing.

        Raises:
            NothingToDo: no block can go, or none should.
            SettingError: a pattern in `skip` fits no block.
        """
        names = [name for name, _ in all_blocks(network)]
        for pattern in self.skip:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise SettingError(f"{self.title}: {unknown('block', pattern, names)}")
        inputs, looking = bench.calibration(self.samples), 0.7 if self.criterion == "similarity" else 0.2
        looked = bench.part(0, looking)
        useful = once("dissimilarities", (network, inputs), lambda: _dissimilarities(network, inputs, looked))
        able = [name for name in useful if not any(fnmatchcase(name, pattern) for pattern in self.skip)]
        count = min(self._count(len(able)), len(names) - 1)
        if count <= 0:
            raise NothingToDo(
                f"{self.title} removes no block at sparsity {self.sparsity:g}: {len(able)} may go, but one block of "
                "the network always stays. Raise sparsity, skip fewer layers, or remove the step."
            )
        if self.criterion == "output":
            changes = _removed_by_output(network, able, count, inputs, bench.part(looking, 0.9))
        else:
            gone = sorted(able, key=useful.__getitem__)[:count]
            changes = [Change(name, f"removed: it turned its input by 1 − cos = {useful[name]:.3f}") for name in gone]
            for name in gone:
                network.set_submodule(name, Nothing())
        if self.recalibrate:
            recalibrate(network, bench.part(0.9, 1))
        bench.progress(1.0, "pruned")
        return Applied(network, changes)

    def _count(self, able: int) -> int:
        """How many of so many blocks to remove."""
        return min(able, max(1, int(self.sparsity * able + 0.5))) if self.sparsity else 0


def _dissimilarities(network: nn.Module, inputs: np.ndarray, bench: Bench) -> dict[str, float]:
    """Block name -> mean over samples of 1 − cos(input, output), for blocks that turn one tensor into one like it."""
    sums: dict[str, float] = {}
    odd: set[str] = set()

    def look(name: str, taken: tuple, given: object) -> None:
        if len(taken) == 1 and isinstance(given, Tensor) and taken[0].shape == given.shape:
            alike = nn.functional.cosine_similarity(taken[0].flatten(1), given.flatten(1))  # (n,)
            sums[name] = sums.get(name, 0.0) + float((1 - alike).sum())
        else:
            odd.add(name)

    with watching(blocks(network), look):
        outputs(network, inputs, bench)
    return {name: total / len(inputs) for name, total in sums.items() if name not in odd}


def _removed_by_output(
    network: nn.Module, able: list[str], count: int, inputs: np.ndarray, bench: Bench
) -> list[Change]:
    """Remove `count` blocks, one at a time the one without which the outputs are nearest to what they were."""
    runs = 1 + sum(len(able) - gone for gone in range(count))
    parts = (bench.part(run / runs, (run + 1) / runs) for run in range(runs))

    def given() -> Tensor:
        running = next(parts)
        return once("outputs", (network, inputs), lambda: outputs(network, inputs, running))

    wanted = given()  # (n, ...)
    spread, left, changes = (wanted - wanted.mean(0)).square().sum(), list(able), []
    for _ in range(count):
        moves = {}
        for name in left:
            block = network.get_submodule(name)
            network.set_submodule(name, Nothing())
            moves[name] = float((given() - wanted).square().sum() / spread)
            network.set_submodule(name, block)
        least = min(left, key=moves.__getitem__)
        network.set_submodule(least, Nothing())
        left.remove(least)
        changes.append(Change(least, f"removed: the outputs moved by {moves[least]:.1%} of their variance"))
    return changes
