"""How far readers of the same clips lie apart: what a system's distances are to be measured against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from ..reader_agreement import ALL_READERS, Agreement
from .table import Table, mean_and_sd

_COLUMNS = ("Agreement", "Readers", "Phase", "Clips", "Both marked", "One alone", "Difference, frames",
            "Difference, ms", "Bias, frames")  # fmt: skip

_NOTES = (
    "Mean ± SD of the absolute difference between two readings of one clip, over keyframes that both marked; bias: "
    "second minus first. Systems are compared with the readers' majority vote, not with each reader.",
)


def readers_table(agreements: Sequence[Agreement], data: str) -> Table:
    """One row for each pair of readings and phase, and one for all pairs of a kind together where there are several."""
    compared = {(a.kind, a.phase): 0 for a in agreements}
    for agreement in agreements:
        compared[agreement.kind, agreement.phase] += agreement.first != ALL_READERS
    shown = [a for a in agreements if a.first != ALL_READERS or compared[a.kind, a.phase] > 1]
    return Table(
        "readers",
        f"Agreement between and within readers: {data}",
        _COLUMNS,
        tuple(_row(agreement) for agreement in shown),
        tuple(asdict(agreement) for agreement in shown),
        _NOTES,
    )


def _row(agreement: Agreement) -> tuple[str, ...]:
    a = agreement
    return (
        str(a.kind),
        "all pairs" if a.first == ALL_READERS else f"{a.first}, {a.second}",
        str(a.phase),
        str(a.clips),
        str(a.pairs),
        str(a.alone),
        mean_and_sd(a.afd_frames, a.afd_frames_sd),
        mean_and_sd(a.afd_ms, a.afd_ms_sd, 0),
        f"{a.bias_frames:+.2f}" if a.pairs and a.first != ALL_READERS else "–",
    )
