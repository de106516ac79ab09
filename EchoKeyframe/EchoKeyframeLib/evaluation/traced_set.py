"""How well a tracer does on a labelled set: Dice, and ejection fractions and volumes as Bland-Altman, in tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..atomic_file import written_atomically
from ..csv_file import write_rows
from ..detection.keyframes import Phase
from ..report.figure import save
from .agreement import Agreement
from .agreement_figure import FractionPairs, draw_agreement
from .traced_cine import FOUR, TWO, TracedCine, fraction, volume

NAME = "tracing"
_COLUMNS = ("file", "view", "dice_ed", "dice_es", "edv", "esv", "ejection_fraction", "true_edv", "true_esv",
            "true_ejection_fraction", "stated_ejection_fraction", "doubts")  # fmt: skip
_NOTE = (
    "On the frames that the set names ED and ES. Dice: mean ± SD over cines, 0 where no border was found; all pixels "
    "together in the last column. Ejection fractions by the method of disks, beside the same disks of the set's own "
    "tracings, and beside the one that the set states; single plane unless it says biplane. Limits of agreement: bias "
    "± 1.96 SD. Doubted cines count, unless it says otherwise."
)

Group = tuple[TracedCine, ...]
"""One cine, or the A4C and the A2C of a patient."""


@dataclass(frozen=True, eq=False)
class TracedSet:
    """tracer: its name with version. data: what the cines are. failures: (file, reason) of those not in ``cines``."""

    tracer: str
    data: str
    cines: tuple[TracedCine, ...]
    failures: tuple[tuple[str, str], ...] = field(default=())

    @property
    def views(self) -> tuple[str, ...]:
        return tuple(sorted({str(cine.view) for cine in self.cines}))

    def of_view(self, view: str) -> list[Group]:
        return [(cine,) for cine in self.cines if str(cine.view) == view]

    def biplane(self) -> list[Group]:
        """The A4C and the A2C of each patient who has one of each."""
        by_patient: dict[str, dict[str, TracedCine]] = {}
        for cine in self.cines:
            if cine.patient and cine.view in (FOUR, TWO):
                by_patient.setdefault(cine.patient, {})[cine.view] = cine
        return [(views[FOUR], views[TWO]) for views in by_patient.values() if len(views) == 2]

    def groups(self) -> Iterator[tuple[str, list[Group]]]:
        """What ejection fractions are told of."""
        for view in self.views:
            yield view, self.of_view(view)
        if both := self.biplane():
            yield "biplane", both

    def pairs(self) -> Iterator[FractionPairs]:
        """Found and true ejection fractions, by view and biplane, of the set's tracings and as it states them."""
        for name, groups in self.groups():
            for what, true in (("tracings", _traced_fraction), ("stated", _stated_fraction)):
                found = [fraction(group, "found") for group in groups]
                pairs = FractionPairs.of(f"{name}, {what}", found, list(map(true, groups)), list(map(_doubted, groups)))
                if len(pairs.found):
                    yield pairs


def _traced_fraction(group: Group) -> float:
    return fraction(group, "true")


def _stated_fraction(group: Group) -> float:
    stated = group[0].stated.ejection_fraction
    return float("nan") if stated is None else stated


def _doubted(group: Group) -> bool:
    return any(cine.doubts for cine in group)


def markdown(traced: TracedSet) -> str:
    """The tables as one page."""
    doubted = sum(bool(cine.doubts) for cine in traced.cines)
    lines = [f"# {traced.tracer}: {traced.data}", "", _NOTE, "", f"{len(traced.cines)} cines, {doubted} of them "
             f"doubted, {len(traced.failures)} that could not be evaluated.", ""]  # fmt: skip
    lines += ["| view | cines | no border | Dice ED | Dice ES | pixels together |", "|---|---|---|---|---|---|"]
    views = [*traced.views, *(["all"] if len(traced.views) > 1 else [])]
    lines += [_dice_row(view, [c for c in traced.cines if view in (str(c.view), "all")]) for view in views]
    lines += ["", "| ejection fraction | n | MAE, points | RMSE | bias | limits of agreement | r |",
              "|---|---|---|---|---|---|---|"]  # fmt: skip
    for pairs in traced.pairs():
        lines.append(_agreement_row(pairs.name, pairs.agreement))
        if 0 < pairs.doubted.sum() < len(pairs.doubted):
            kept = ~pairs.doubted
            lines.append(_agreement_row(f"{pairs.name}, without doubts", Agreement.of(pairs.found[kept],
                                                                                     pairs.true[kept])))  # fmt: skip
    lines += _volume_table(traced)
    return "\n".join([*lines, ""])


def _dice_row(view: str, cines: Sequence[TracedCine]) -> str:
    cells = []
    for phase in Phase:
        dices = np.array([cine.overlaps[phase].dice for cine in cines])
        cells.append(f"{dices.mean():.3f} ± {dices.std():.3f}")
    overlaps = [overlap for cine in cines for overlap in cine.overlaps.values()]
    together = 2 * sum(o.both for o in overlaps) / max(1, sum(o.each for o in overlaps))
    missing = sum(any(cine.found[phase] is None for phase in Phase) for cine in cines)
    return f"| {view} | {len(cines)} | {missing} | {cells[0]} | {cells[1]} | {together:.3f} |"


def _agreement_row(name: str, shown: Agreement) -> str:
    return (f"| {name} | {shown.n} | {shown.mae:.1f} | {shown.rmse:.1f} | {shown.bias:+.1f} | {shown.low:+.1f} to "
            f"{shown.high:+.1f} | {shown.r:.2f} |")  # fmt: skip


def _volume_table(traced: TracedSet) -> list[str]:
    """Of cines whose pixels have a size, in mL."""
    rows = []
    for name, groups in traced.groups():
        known = [group for group in groups if all(cine.calibrated for cine in group)]
        for phase, label in zip(Phase, ("EDV", "ESV"), strict=True):
            found, true = ([volume(group, source, phase) for group in known] for source in ("found", "true"))
            shown = Agreement.of(found, true)
            rows += [_agreement_row(f"{label}, {name}, tracings", shown)] if shown.n else []
    head = ["", "| volume | n | MAE, mL | RMSE | bias | limits of agreement | r |", "|---|---|---|---|---|---|---|"]
    return [*head, *rows] if rows else []


def write_traced_set(traced: TracedSet, folder: Path) -> None:
    """tracing.md with the tables, tracing.csv with a line for each cine, tracing.png. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with written_atomically(folder / f"{NAME}.md") as temporary:
        temporary.write_text(markdown(traced), encoding="utf-8")
    write_rows(folder / f"{NAME}.csv", _COLUMNS, map(_row, traced.cines))
    if rows := list(traced.pairs()):
        save(folder / f"{NAME}.png", draw_agreement(rows, traced.tracer, traced.data))


def _row(cine: TracedCine) -> dict[str, object]:
    row: dict[str, object] = {"file": cine.file, "view": cine.view, "doubts": "; ".join(cine.doubts)}
    row["stated_ejection_fraction"] = cine.stated.ejection_fraction
    for phase, edge in zip(Phase, ("edv", "esv"), strict=True):
        row[f"dice_{phase.lower()}"] = f"{cine.overlaps[phase].dice:.4f}"
        for source, before in (("found", ""), ("true", "true_")):
            row[before + edge] = _shown(volume((cine,), source, phase)) if cine.calibrated else None
    for source, before in (("found", ""), ("true", "true_")):
        row[f"{before}ejection_fraction"] = _shown(fraction((cine,), source))
    return row


def _shown(value: float) -> str | None:
    return f"{value:.2f}" if np.isfinite(value) else None
