"""The Gaussian of the detection's own, against the library's."""

import numpy as np
import pytest
from EchoKeyframeLib.detection.smoothing import smooth
from scipy.ndimage import gaussian_filter1d


@pytest.mark.parametrize("shape", [(1,), (2,), (60,), (200, 7)])
@pytest.mark.parametrize("sigma", [0.3, 1.0, 7.5, 40.0])
def test_it_is_scipys(shape, sigma):
    curves = np.random.default_rng(3).normal(100, 20, shape)
    assert smooth(curves, sigma) == pytest.approx(gaussian_filter1d(curves, sigma, axis=0, mode="nearest"), abs=1e-9)


def test_single_precision_is_computed_in_double():
    curve = np.random.default_rng(4).random(50, np.float32)
    assert smooth(curve, 2.0).dtype == np.float64
    assert smooth(curve, 2.0) == pytest.approx(gaussian_filter1d(curve.astype(np.float64), 2.0, mode="nearest"))
