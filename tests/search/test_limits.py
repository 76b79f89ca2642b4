"""Limits in words: what they mean, what is refused with which words, and by how much they are missed."""

import math

import pytest

from edgekit.core.errors import SettingError
from edgekit.search.limits import Wish, allowed, misses, parse_all
from tests.factories import a_measurement, measurements

BEFORE = measurements(accuracy=0.92, size=1_000_000, latency=0.2)


@pytest.mark.parametrize(
    ("text", "metric", "worst"),
    [
        ("size=500KB", "size_bytes", 500_000),
        ("size = 1.5 MB", "size_bytes", 1_500_000),
        ("shipped=1KiB", "shipped_bytes", 1024),
        ("size=900", "size_bytes", 900),
        ("latency=5ms", "latency_ms", 5),
        ("latency=250us", "latency_ms", 0.25),
        ("latency=0.6x", "latency_ms", 0.12),
        ("size=0.25×", "size_bytes", 250_000),
        ("fps=30", "latency_ms", 1000 / 30),
        ("memory=20MB", "peak_memory_bytes", 20e6),
        ("macs=10M", "macs", 10e6),
        ("accuracy=90%", "accuracy", 0.9),
        ("accuracy=0.9", "accuracy", 0.9),
        ("accuracy_drop=1", "accuracy", 0.91),
        ("drop=0.5 points", "accuracy", 0.915),
    ],
)
def test_a_limit_in_words_is_the_worst_value_that_still_holds_it(text, metric, worst):
    limit = Wish.parse(text).limit(BEFORE)
    assert (limit.metric, limit.worst) == (metric, pytest.approx(worst))


def test_what_limits_allow_of_a_metric_is_the_tightest_of_those_on_this_computer():
    wishes = parse_all(["latency=0.1ms", "fps=20000", "latency@raspberry-pi-4=1us", "accuracy_drop=1"])
    assert allowed("latency_ms", wishes, BEFORE) == pytest.approx(0.25)
    assert allowed("size_bytes", wishes, BEFORE) is None


def test_a_limit_is_written_as_it_is_read():
    for text in (
        "size=500KB",
        "latency=250us",
        "latency=0.6x",
        "fps=30",
        "macs=10M",
        "accuracy=90%",
        "drop=1",
        "size=12",
    ):
        wish = Wish.parse(text)
        assert Wish.parse(str(wish)) == wish


def test_the_drop_counts_in_the_metric_that_the_model_has():
    limit = Wish.parse("accuracy_drop=2").limit({"bleu": a_measurement("bleu", 0.30)})
    assert (limit.metric, limit.worst) == ("bleu", pytest.approx(0.28))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sze=5KB", "no limit 'sze'. Did you mean 'size'?"),
        ("size=5XB", "size has no unit 'XB'. There are: B, KB, MB, GB, KiB, MiB, GiB, or x for a share."),
        ("latency=5KB", "latency has no unit 'KB'. There are: ms, us, µs, s, or x for a share."),
        ("size", "a limit must be a name with an amount, such as size=500KB, not 'size'."),
        ("size=big", "a limit must be a name with an amount, such as size=500KB, not 'size=big'."),
        ("size=0", "size must be above 0, such as size=500KB, not 'size=0'."),
        ("accuracy=90", "accuracy must be a fraction or a percentage, such as 0.9 or 90%, not 'accuracy=90'."),
        ("accuracy_drop=0.5x", "accuracy_drop cannot be a share of the original's. Write it as accuracy_drop=1."),
        ("energy=5mJ", "a limit on energy needs a device, such as energy@raspberry-pi-4=5mJ."),
        ("power=4W@30fps", "a limit on power needs a device, such as power@raspberry-pi-4=4W@30fps."),
        ("power@raspberry-pi-4=4W", "average power needs a rate, such as power@raspberry-pi-4=4W@30fps."),
        ("power@raspberry-pi-4=4W@0fps", "average power needs a rate, such as power@raspberry-pi-4=4W@30fps."),
        ("power@raspberry-pi-4=4J@30fps", "power has no unit 'J'. There are: W, mW."),
        ("latency@raspberry-pi-44=5ms", "no device 'raspberry-pi-44'. Did you mean 'raspberry-pi-4'?"),
        ("size@raspberry-pi-4=5KB", "size is the same on every device. Write it as size=500KB."),
        (
            "latency@raspberry-pi-4=0.5x",
            "latency on a device cannot be a share of the original's. Write it as latency=5ms.",
        ),
    ],
)
def test_what_is_no_limit_is_refused_with_what_to_write(text, words):
    with pytest.raises(SettingError) as refused:
        Wish.parse(text)
    assert str(refused.value) == words


def test_everything_wrong_is_said_at_once():
    with pytest.raises(SettingError) as refused:
        parse_all(["sze=1", "size=1KB", "size=2KB", "fps=0"])
    assert str(refused.value).splitlines() == [
        "no limit 'sze'. Did you mean 'size'?",
        "fps must be above 0, such as fps=30, not 'fps=0'.",
        "the limit size is given twice. Give it once.",
    ]


def test_a_miss_says_by_how_much_the_farthest_first():
    found = measurements(accuracy=0.90, size=300_000, latency=0.18)
    missed = misses(parse_all(["accuracy_drop=1", "size=200KB", "latency=1ms"]), found, BEFORE)
    assert [(miss.wish, pytest.approx(miss.by)) for miss in missed] == [
        ("size=200KB", 0.5),
        ("accuracy_drop=1", 0.01 / 0.09),  # 10 % of the answers are wrong where 9 % are allowed
    ]
    assert missed[0].text == "Size on disk 300 kB is above 200 kB"


def test_what_is_not_known_holds_nothing():
    known = {"accuracy": a_measurement("accuracy", 0.99)}
    (missed,) = misses([Wish.parse("memory=1GB")], known, BEFORE)
    assert (missed.text, missed.by) == ("Peak memory is not known", math.inf)
