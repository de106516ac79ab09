"""Training and test sets that share no patient."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from enum import StrEnum

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

    patients, views: of each cine. Patients are put into an order that their keys and ``seed`` alone decide, so that it
    hardly changes when the set grows. The first of them are the test set; then a patient changes sides, or two change
    places, as long as that brings the views nearer to their shares.
    """
    cines: dict[str, Counter] = {}
    for patient, view in zip(patients, views, strict=True):
        cines.setdefault(patient, Counter())[view] += 1
    wanted = {view: share * number for view, number in Counter(views).items()}
    order = sorted(cines, key=lambda patient: hashlib.sha256(f"{seed} {patient}".encode()).digest())
    test = set(order[: round(share * len(order))])
    while change := _best_change(order, cines, test, wanted):
        test ^= change
    return [Split.TEST if patient in test else Split.TRAIN for patient in patients]


def _best_change(
    order: Sequence[str], cines: Mapping[str, Counter], test: set[str], wanted: Mapping[str | None, float]
) -> set[str]:
    """The one or two patients whose change of sides helps most; empty where none helps.

    Patients with the same number of cines of each view are alike: the first of them stands for all.
    """
    sides: tuple[dict, dict] = ({}, {})
    held: Counter = Counter()
    for patient in order:
        inside = patient in test
        sides[inside].setdefault(frozenset(cines[patient].items()), patient)
        held.update(cines[patient] if inside else {})
    best, least = set(), _distance(held, wanted)
    for outgoing in (None, *sides[True].values()):
        for incoming in (None, *sides[False].values()):
            moved = Counter(held)
            moved.subtract(cines.get(outgoing, {}))
            moved.update(cines.get(incoming, {}))
            if _distance(moved, wanted) < least - 1e-9:
                best, least = {outgoing, incoming} - {None}, _distance(moved, wanted)
    return best


def _distance(held: Counter, wanted: Mapping[str | None, float]) -> float:
    return sum((held[view] - number) ** 2 for view, number in wanted.items())
