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

    patients, views: of each cine. An order of the patients is drawn from ``seed`` (and depends in no other way on the
    order of the cines). The first of them are the test set; then, in the same order, a patient changes sides where that
    brings the views nearer to their shares, until no change does.
    """
    cines: dict[str, Counter] = {}
    for patient, view in zip(patients, views, strict=True):
        cines.setdefault(patient, Counter())[view] += 1
    wanted = {view: share * number for view, number in Counter(views).items()}
    order = sorted(cines)
    np.random.default_rng(seed).shuffle(order)
    test = set(order[: round(share * len(order))])
    held = Counter(view for patient, view in zip(patients, views, strict=True) if patient in test)
    changed = True
    while changed:  # each change lessens the distance, so this ends
        changed = False
        for patient in order:
            moved = Counter(held)
            (moved.subtract if patient in test else moved.update)(cines[patient])
            if _distance(moved, wanted) < _distance(held, wanted):
                held, changed = moved, True
                test ^= {patient}
    return [Split.TEST if patient in test else Split.TRAIN for patient in patients]


def _distance(held: Counter, wanted: dict[str | None, float]) -> float:
    return sum((held[view] - number) ** 2 for view, number in wanted.items())
