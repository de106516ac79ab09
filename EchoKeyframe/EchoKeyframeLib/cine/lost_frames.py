"""What is said of frames of a file that are missing from its cine."""

from __future__ import annotations

from collections.abc import Sequence

from .finding import Finding, FindingKind


def lost_frames_finding(lost: Sequence[int], total: int) -> Finding:
    """lost: numbers in the file, from 1, of frames that are empty or damaged. total: how many the file has."""
    text = (
        f"{len(lost)} of {total} frames are damaged or empty and left out ({_runs(lost)}, counted from 1); "
        "the others keep their numbers and times"
    )
    return Finding(FindingKind.LOST_FRAMES, text)


def count_finding(found: int, declared: int, is_whole: bool) -> Finding | None:
    """Where a file holds another number of frames than NumberOfFrames says; None where they agree."""
    if found == declared or (found == 1 and not declared):
        return None
    text = f"NumberOfFrames says {declared} but the file holds {found} frames, which are read"
    if found < declared and is_whole:
        text += "; which ones are missing cannot be told, so later ones may have higher numbers"
    elif found < declared or not is_whole:
        text += "; the file is cut short"
    return Finding(FindingKind.LOST_FRAMES, text)


def _runs(numbers: Sequence[int], most: int = 5) -> str:
    """Numbers as "3, 7 to 9", the first few runs of them."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in runs[:most])
    return shown + (" and others" if len(runs) > most else "")
