"""The curve over calibration samples: points with intervals, the original as a line, and how many are enough."""

from edgekit.search.calibration_curve import Calibrated
from edgekit.ui import calibration
from tests.factories import a_measurement

POINTS = [
    Calibrated(8, "a", a_measurement("accuracy", 0.80, 0.02)),
    Calibrated(64, "b", a_measurement("accuracy", 0.91, 0.01)),
    Calibrated(512, "c", a_measurement("accuracy", 0.92, 0.01)),
]


def test_the_curve_shows_each_number_of_samples_beside_the_original():
    figure = calibration.figure(POINTS, a_measurement("accuracy", 0.925))
    assert list(figure.data[0].x) == [8, 64, 512]
    assert list(figure.data[0].y) == [80, 91, 92]
    assert figure.layout.shapes[0].y0 == 92.5
    assert figure.layout.yaxis.title.text == "Accuracy"


def test_as_few_samples_as_cannot_be_told_from_the_most_are_enough():
    assert calibration.enough(POINTS) == (
        "64 samples give 91.00 %, which cannot be told from the 92.00 % with 512: their 95 % intervals overlap."
    )
