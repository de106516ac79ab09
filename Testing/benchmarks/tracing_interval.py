"""Fits the 90 % interval of the ejection fraction, and shows it on loops that it was not fitted on. SIMULATED.

    python Testing/benchmarks/tracing_interval.py [--weights FILE] [--fit-count 260] [--count 200]

Beats with a plausible number (``tracing_accuracy``). Fitted is what misses and width cost together (interval score:
width + 20 times what the truth lies outside). The constants printed are those of ``measurement.automatic.uncertainty``.
constant: the narrowest interval of one width for all, around what was found, that holds as many.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from EchoKeyframeLib.measurement.automatic import uncertainty
from EchoKeyframeLib.measurement.automatic.tracer import Tracer, load_tracer
from EchoKeyframeLib.models.registry import CONTOUR_WEIGHTS
from EchoKeyframeLib.simulator.phantom import simulate
from scipy.optimize import minimize
from tracing_accuracy import CONFIG, Beat, judged

CONSTANTS = ("HALF_WIDTH", "BY_ERROR", "BY_REST", "LEAN", "MIDDLE")
MISS = 20.0
"""What a point outside costs beside a point of width, for intervals of 90 %."""
STARTS = 6

Intervals = Callable[[Sequence[Beat]], np.ndarray]


def beats_of(first: int, count: int, tracer: Tracer) -> list[Beat]:
    loops = (judged(simulate([seed], CONFIG), 0, tracer) for seed in range(first, first + count))
    return [beat for loop in loops for beat in loop.beats if beat.plausible]


def intervals(beats: Sequence[Beat]) -> np.ndarray:
    """By the constants as they are, ``[n, 2]``."""
    return np.array([uncertainty.ejection_fraction_interval(*beat.traced, *beat.sure) for beat in beats])


def with_constants(values: Sequence[float], beats: Sequence[Beat]) -> np.ndarray:
    """``intervals`` with other constants, which are put back."""
    kept = [getattr(uncertainty, name) for name in CONSTANTS]
    try:
        for name, value in zip(CONSTANTS, values, strict=True):
            setattr(uncertainty, name, float(value))
        return intervals(beats)
    finally:
        for name, value in zip(CONSTANTS, kept, strict=True):
            setattr(uncertainty, name, value)


def cost(found: np.ndarray, beats: Sequence[Beat]) -> float:
    true, (low, high) = np.array([beat.fractions[0] for beat in beats]), found.T
    return float(np.mean(high - low + MISS * np.maximum(low - true, 0) + MISS * np.maximum(true - high, 0)))


def fitted(beats: Sequence[Beat], starts: int = STARTS) -> np.ndarray:
    """The best constants of several searches, in the order of ``CONSTANTS``."""
    begun = np.array([getattr(uncertainty, name) for name in CONSTANTS])
    tried = [begun * (1 + 0.15 * np.random.default_rng(n).standard_normal(len(begun))) for n in range(starts)]
    found = [minimize(lambda at: cost(with_constants(at, beats), beats), start, method="Nelder-Mead",
                      options={"maxiter": 600, "xatol": 1e-3, "fatol": 1e-3}) for start in tried]  # fmt: skip
    return min(found, key=lambda one: one.fun).x


def told(name: str, found: np.ndarray, beats: Sequence[Beat]) -> None:
    true, traced = np.array([beat.fractions for beat in beats]).T
    low, high = found.T
    holds = ((low <= true) & (true <= high)).mean()
    constant = 2 * np.quantile(np.abs(traced - true), holds)
    print(f"| {name} | {len(beats)} | {holds:.1%} | {np.mean(high - low):.1f} ({np.median(high - low):.1f}) | "
          f"{constant:.1f} | {cost(found, beats):.1f} |")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=Path, default=CONTOUR_WEIGHTS)
    parser.add_argument("--fit-seed", type=int, default=60_100_000)
    parser.add_argument("--fit-count", type=int, default=260)
    parser.add_argument("--seed", type=int, default=82_000_000)
    parser.add_argument("--count", type=int, default=200)
    options = parser.parse_args()
    tracer = load_tracer("onnxruntime", "cpu", options.weights)
    learned, others = (beats_of(first, count, tracer) for first, count in
                       ((options.fit_seed, options.fit_count), (options.seed, options.count)))  # fmt: skip
    constants = fitted(learned)
    print(f"{tracer.name}: " + ", ".join(f"{n} = {v:.3g}" for n, v in zip(CONSTANTS, constants, strict=True)))
    print("\n| interval | beats | holds | width, mean (median) | constant | interval score |")
    print("|---|---|---|---|---|---|")
    for name, beats in (("fitted on", learned), ("others", others)):
        told(f"{name}, constants as they are", intervals(beats), beats)
        told(f"{name}, fitted anew", with_constants(constants, beats), beats)


if __name__ == "__main__":
    main()
