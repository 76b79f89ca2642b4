"""BLEU as sacreBLEU counts it, its interval, and greedy decoding that writes what is likeliest after what it wrote."""

import numpy as np
import pytest
import torch

from edgekit.core import byte_pairs
from edgekit.core.interval import mean
from edgekit.models.architectures.seq2seq import Seq2Seq
from edgekit.tasks import task
from tests.tasks.sentences import labels_of, pairs, said_of

TRANSLATE = task("translation")
SOURCES, TARGETS = zip(*pairs(), strict=True)
ENGLISH = "The dog bit the man.", "It was not unexpected.", "The man bit him first."
SYSTEM = "The dog bit the man.", "It wasn't surprising.", "The man had just bitten him."


def scores(said: tuple[str, ...], wanted: tuple[str, ...]) -> np.ndarray:
    return TRANSLATE.scores(said_of(labels_of(said)), labels_of(wanted))


def asked(sources: tuple[str, ...]) -> np.ndarray:
    """Inputs (n, 2 · PIECES) without a translation."""
    own = labels_of(sources)
    first = np.zeros_like(own)
    first[:, 0] = byte_pairs.FIRST
    return np.concatenate([own, first], 1)


@pytest.fixture(scope="module")
def network() -> Seq2Seq:
    """A tiny one that was never trained; its answers depend on all that stands before."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        made = Seq2Seq(dim=32, depth=2, num_heads=4, hidden=64).eval()
        torch.nn.init.normal_(made.head.weight, std=2)
        torch.nn.init.normal_(made.words.weight, std=2)
    return made


@pytest.fixture(scope="module")
def once(network):
    """The network as a file is run: arrays in, arrays out; it counts its passes in `once.passes`."""

    @torch.no_grad()
    def run(inputs: np.ndarray) -> np.ndarray:
        return network(torch.from_numpy(inputs)).numpy()

    return run


def test_texts_that_are_the_references_have_a_bleu_of_one_and_others_none():
    assert scores(TARGETS, TARGETS) == pytest.approx(1)
    assert scores(("yes",) * 3, ENGLISH).mean() == 0


def test_bleu_is_that_of_sacrebleu():
    from sacrebleu import corpus_bleu

    assert scores(SYSTEM, ENGLISH).mean() == pytest.approx(corpus_bleu(SYSTEM, [ENGLISH]).score / 100)
    many = [name if number % 3 else name.replace("la", "une") for number, name in enumerate(TARGETS)]
    assert scores(many, TARGETS).mean() == pytest.approx(corpus_bleu(many, [TARGETS]).score / 100)


def test_a_bleu_by_hand():
    # One to four words in a row: 5 of 6, 4 of 5, 3 of 4, 2 of 3, and no penalty, since both are equally long.
    found = scores(("Ouvrir la grande porte rouge ici",), ("Fermer la grande porte rouge ici",)).mean()
    assert found == pytest.approx((5 / 6 * 4 / 5 * 3 / 4 * 2 / 3) ** 0.25)


def test_the_interval_is_about_that_of_drawing_texts_again_and_again():
    from sacrebleu import corpus_bleu

    random = np.random.default_rng(0)
    worse = [name if random.random() < 0.6 else name.replace("la ", "ma ") for name in TARGETS]
    found, kind = mean(scores(worse, TARGETS))
    fresh = []
    for _ in range(200):
        drawn = random.integers(0, len(worse), len(worse))
        fresh.append(corpus_bleu([worse[i] for i in drawn], [[TARGETS[i] for i in drawn]]).score / 100)
    width = np.quantile(fresh, 0.975) - np.quantile(fresh, 0.025)
    assert kind == "bootstrap interval"
    assert (found.high - found.low) / width == pytest.approx(1, abs=0.25)


def test_greedy_decoding_writes_what_is_likeliest_after_what_it_wrote(once):
    found = TRANSLATE.run(once, asked(SOURCES[:12]))
    said = TRANSLATE.answers(found)  # (n, T)
    taught = asked(SOURCES[:12])
    taught[:, taught.shape[1] // 2 + 1 :] = said[:, :-1]
    logits = once(taught)
    written = said != byte_pairs.PAD
    assert (logits.argmax(-1)[written] == said[written]).all()
    logs = torch.from_numpy(logits).log_softmax(-1).max(-1).values.numpy()
    assert found[..., 1][written] == pytest.approx(logs[written], abs=1e-4)
    assert len({tuple(row) for row in said}) > 1


def test_a_reference_is_looked_at_for_token_accuracy_and_for_nothing_else(once):
    bare, taught = asked(SOURCES[:8]), asked(SOURCES[:8])
    labels = labels_of(TARGETS[:8])
    taught[:, taught.shape[1] // 2 + 1 :] = np.where(labels == byte_pairs.LAST, byte_pairs.PAD, labels)[:, :-1]
    alone, beside = TRANSLATE.run(once, bare), TRANSLATE.run(once, taught)
    assert (alone[..., :2] == beside[..., :2]).all()
    assert (alone[..., 2] == 0).all()
    right = (once(taught).argmax(-1) == labels)[labels != byte_pairs.PAD].mean()
    assert TRANSLATE.more(beside, labels, "8 texts")["token_accuracy"].value == pytest.approx(right)


def test_what_has_ended_is_run_no_more():
    rows = []

    def ends_after(inputs: np.ndarray) -> np.ndarray:
        """A file that writes as many pieces as the first piece of the source says, and then the last one."""
        rows.append(len(inputs))
        half = inputs.shape[1] // 2
        written = (inputs[:, half:] != byte_pairs.PAD).sum(1)
        logits = np.zeros((len(inputs), half, 300), np.float32)
        logits[..., 290] = 1
        logits[written > inputs[:, 0], :, byte_pairs.LAST] = 2
        return logits

    inputs = np.zeros((3, 12), np.int64)
    inputs[:, 0], inputs[:, 6] = [1, 2, 9], byte_pairs.FIRST
    said = TRANSLATE.answers(TRANSLATE.run(ends_after, inputs))
    assert said.tolist() == [[290, 2, 0, 0, 0, 0], [290, 290, 2, 0, 0, 0], [290] * 6]
    assert rows == [3, 3, 2, 1, 1, 1]


def test_a_file_whose_numbers_overflowed_says_nothing():
    found = TRANSLATE.run(lambda inputs: np.full((len(inputs), 6, 300), np.nan), np.ones((2, 12), np.int64))
    assert (TRANSLATE.answers(found) < len(byte_pairs.SPECIALS)).all()
    assert TRANSLATE.said(TRANSLATE.answers(found)[0], ()) == "(nothing)"
    assert TRANSLATE.scores(found, labels_of(TARGETS[:2])).mean() == 0


def test_the_same_words_in_other_pieces_are_no_other_answer():
    (whole,) = labels_of(["Fermer la page"])
    word, rest = byte_pairs.text(whole[:1]), list(whole[1:-1])
    begins = [piece for piece in range(3, 2000) if word.startswith(byte_pairs.text([piece]) or "?")]
    cut = next(
        [one, other]
        for one in begins
        for other in range(3, 2000)
        if byte_pairs.text([one, other, *rest]) == "Fermer la page"
    )
    split = np.array([*cut, *rest])
    assert (whole != split).any()
    assert not TRANSLATE.differ(whole[None], split[None], whole[None]).any()


def test_padding_asks_for_nothing():
    labels = torch.from_numpy(labels_of(TARGETS[:4]))
    logits = torch.randn(*labels.shape, 2000, generator=torch.Generator().manual_seed(0))
    changed = torch.where((labels == byte_pairs.PAD)[..., None], -logits, logits)
    assert TRANSLATE.loss(changed, labels) == pytest.approx(float(TRANSLATE.loss(logits, labels)))
    asked_for = int((labels != byte_pairs.PAD).sum())
    summed = float(TRANSLATE.loss(logits, labels, "sum"))
    assert summed == pytest.approx(asked_for * float(TRANSLATE.loss(logits, labels)), rel=1e-5)


def test_a_student_is_taught_only_where_its_teacher_was_asked(network):
    inputs = torch.from_numpy(asked(SOURCES[:4]))
    with torch.no_grad():
        wanted = network(inputs)
    assert (wanted[:, 1:] == 0).all()  # nothing was written yet
    assert (wanted[:, 0] != 0).any()
    other = wanted.clone()
    other[:, 1:] = 7 * torch.randn(other[:, 1:].shape, generator=torch.Generator().manual_seed(0))
    assert float(TRANSLATE.soft_loss(other, wanted, 2.0)) == pytest.approx(0, abs=1e-5)
    assert float(TRANSLATE.soft_loss(-wanted, wanted, 2.0)) > 0.1


def test_what_is_written_depends_on_the_source_and_on_nothing_that_comes_later(network):
    rows = torch.from_numpy(np.concatenate([labels_of(SOURCES[:1]), labels_of(TARGETS[:1])], 1))
    half = rows.shape[1] // 2
    later, source = rows.clone(), rows.clone()
    later[:, half + 3] = 500
    source[:, 1] = 500
    with torch.no_grad():
        plain, other, elsewhere = (network(one) for one in (rows, later, source))
    torch.testing.assert_close(plain[:, :3], other[:, :3])
    assert (plain[:, 3] - other[:, 3]).abs().max() > 0.1
    assert (plain[:, 0] - elsewhere[:, 0]).abs().max() > 0.1
