"""Training and test sets that share no patient."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

import numpy as np

TEST_SHARE = 0.2
"""The paper's 4:1, for each view."""


class Split(StrEnum):
    """The part of a data set that a cine belongs to."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


def split_by_patient(
    patients: Sequence[str], views: Sequence[str | None], seed: int = 0, share: float = TEST_SHARE
) -> list[Split]:
    """Train or test for each cine: near ``share`` of each view's cines to test, a patient's cines all on one side.

    patients, views: of each cine. Patients are taken in an order drawn from ``seed`` (and in no other way from the
    order of the cines) and go to the test set while that brings its views nearer to their shares.
    """
    cines: dict[str, Counter] = {}
    for patient, view in zip(patients, views, strict=True):
        cines.setdefault(patient, Counter())[view] += 1
    wanted = {view: share * number for view, number in Counter(views).items()}
    order = sorted(cines)
    np.random.default_rng(seed).shuffle(order)
    held: Counter = Counter()
    test: set[str] = set()
    for patient in order:
        if _distance(held + cines[patient], wanted) < _distance(held, wanted):
            held += cines[patient]
            test.add(patient)
    return [Split.TEST if patient in test else Split.TRAIN for patient in patients]


def _distance(held: Counter, wanted: dict[str | None, float]) -> float:
    return sum(abs(held[view] - number) for view, number in wanted.items())
