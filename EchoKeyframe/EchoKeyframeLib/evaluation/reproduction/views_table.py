"""Table 2: average frame difference and cardiac cycles by view, for each system."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...detection.keyframes import Phase
from ..metrics import Selection, summarise, summarise_as_paper
from .analyses import Analysed, analyses_table
from .frame_differences import Pairing, Unit, differences
from .statistics import analyse
from .system_runs import ClipRun, SystemRun
from .table import Record, Table, mean_and_sd

_COLUMNS = ("System", "View", "AFD ED", "AFD ES", "matched ED", "matched ES", "matched ED, ms", "matched ES, ms",
            "Test videos", "Predicted number", "True number", "Detection rate (%)", "Extra keyframes")  # fmt: skip

_NOTES = (
    "AFD in frames, mean ± SD over keyframes (eq. 4 and 5): each labelled keyframe against the nearest detected one of "
    "its phase, however far. *Matched*: one-to-one within min(0.25 s, half the beat), missed keyframes left out.",
    "Cardiac cycles are half the keyframes inside the clips, ED and ES; predicted ones are matched. *Extra*: detected "
    "keyframes without a partner.",
)


def views_table(systems: Sequence[SystemRun], data: str) -> Table:
    """One row for each system and view, and one for all views together where there are several."""
    rows, records = [], []
    for system in systems:
        for view, clips in _groups(system):
            row, record = _row(system.name, view, clips)
            rows.append(row)
            records.append(record)
    title = f"Table 2. Cardiac-cycle detection rate and average frame difference by view: {data}"
    return Table("table-2", title, _COLUMNS, tuple(rows), tuple(records), _NOTES)


def views_analyses(systems: Sequence[SystemRun], data: str) -> Table:
    """Whether the views differ: one-way ANOVA with Tukey's HSD, for each system."""
    analysed = [
        Analysed(system.name, f"AFD {phase}", pairing, unit,
               analyse({view: differences(system.of_view(view), phase, pairing, unit) for view in system.views}))
        for system in systems for phase in Phase for pairing in Pairing for unit in Unit
    ]  # fmt: skip
    return analyses_table("table-2-analyses", f"Do the views differ? One-way ANOVA and Tukey's HSD: {data}", analysed)


def _groups(system: SystemRun) -> Iterator[tuple[str, tuple[ClipRun, ...]]]:
    for view in system.views:
        yield view, system.of_view(view)
    if len(system.views) > 1:
        yield "all", system.clips


def _row(name: str, view: str, clips: Sequence[ClipRun]) -> tuple[tuple[str, ...], Record]:
    results = [clip.result for clip in clips]
    paper = summarise_as_paper(results)
    ed, es = (summarise(results, Selection(phase)) for phase in Phase)
    row = (
        name,
        view,
        mean_and_sd(paper.afd_ed, paper.afd_ed_sd),
        mean_and_sd(paper.afd_es, paper.afd_es_sd),
        mean_and_sd(ed.afd_frames, ed.afd_frames_sd),
        mean_and_sd(es.afd_frames, es.afd_frames_sd),
        mean_and_sd(ed.afd_ms, ed.afd_ms_sd, 0),
        mean_and_sd(es.afd_ms, es.afd_ms_sd, 0),
        str(len(clips)),
        f"{paper.detected_cycles:g}",
        f"{paper.true_cycles:g}",
        f"{100 * paper.cycle_detection_rate:.2f}" if paper.true_cycles else "–",
        str(ed.extra + es.extra),
    )
    record: Record = {"system": name, "view": view, "clips": len(clips)}
    for phase, afd, sd, m in (("ed", paper.afd_ed, paper.afd_ed_sd, ed), ("es", paper.afd_es, paper.afd_es_sd, es)):
        record |= {
            f"true_{phase}": m.true, f"found_{phase}": m.found, f"extra_{phase}": m.extra,
            f"afd_nearest_{phase}": afd, f"afd_nearest_{phase}_sd": sd,
            f"afd_matched_{phase}": m.afd_frames, f"afd_matched_{phase}_sd": m.afd_frames_sd,
            f"afd_matched_{phase}_ms": m.afd_ms, f"afd_matched_{phase}_ms_sd": m.afd_ms_sd,
            f"bias_{phase}": m.bias_frames,
        }  # fmt: skip
    record |= {
        "predicted_cycles": paper.detected_cycles,
        "true_cycles": paper.true_cycles,
        "detection_rate": paper.cycle_detection_rate,
        "without_any_detection": paper.unanswered,
    }
    return row, record
