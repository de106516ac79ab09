"""The report: every table and figure in one folder, and a page that shows them all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ... import __version__
from ...atomic_file import written_atomically
from ...report.figure import save
from ..reader_agreement import Agreement
from .agreement_figures import bland_altman_figure, views_figure
from .clip_choice import median_clip
from .curve_figures import curves_figure, target_figure
from .departures import UsedSystem, departures_of, departures_table
from .environment_table import environment_table
from .frame_figures import ReadCases, frame_figures
from .readers_table import readers_table
from .report_figure import ReportFigure
from .system_runs import ClipRun, SystemRun, on_common_clips
from .systems_table import letters, systems_table
from .table import Record, Table, write_records
from .views_table import views_analyses, views_table

PAGE_NAME = "report.md"
KEYFRAMES_NAME = "keyframes.csv"


def write_report(
    systems: Sequence[SystemRun],
    read: ReadCases,
    data: str,
    folder: Path,
    view: str | None = None,
    worst: int = 3,
    agreements: Sequence[Agreement] = (),
    used: Sequence[UsedSystem] = (),
) -> Path:
    """Write the report into ``folder``, which is made if need be, and return its page.

    systems: at least one, with at least one clip that all got through; the first is the one whose clips are shown.
    read: opens clips by name once more, for their frames. data: how many clips of which kind, told on every page.
    view: of table 3 (None: A4C as in the paper where there is one, else the view with most clips). worst: clips in
    figure 10. agreements: of several readers, where there are any. used: what is known of the systems, for the table of
    departures from the paper. Raises OSError.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    compared = on_common_clips(systems)
    tables = make_tables(compared, view or usual_view(compared[0]), data)
    if agreements:
        tables.append(readers_table(agreements, data))
    figures = make_figures(compared, read, worst, data)
    for table in tables:
        write_records(folder / f"{table.name}.csv", table.records)
        _write_text(folder / f"{table.name}.md", f"# {table.title}\n\n{table.markdown()}")
    for figure in figures:
        write_records(folder / f"{figure.name}.csv", figure.records)
        save(folder / f"{figure.name}.png", figure.figure)
    write_records(folder / KEYFRAMES_NAME, [record for system in compared for record in _keyframes(system)])
    departures = departures_of(used, data)
    page = [_page(systems, compared, tables, figures, data), f"## Departures from the paper: {data}", "",
            departures_table(departures), ""]  # fmt: skip
    _write_text(folder / PAGE_NAME, "\n".join(page))
    return folder / PAGE_NAME


def make_tables(systems: Sequence[SystemRun], view: str, data: str) -> list[Table]:
    """Tables 1 (the machine), 2 (with its analyses), 3 (one view) and 4 (all clips)."""
    return [
        environment_table(data),
        views_table(systems, data),
        views_analyses(systems, data),
        systems_table(3, systems, view, data),
        systems_table(4, systems, None, data),
    ]


def make_figures(systems: Sequence[SystemRun], read: ReadCases, worst: int, data: str) -> list[ReportFigure]:
    """Figures 3 and 6 to 10; those for which no clip has both an ED and an ES are left out."""
    middle = median_clip(systems[0].clips)
    figures = []
    if middle is not None:
        figures += [target_figure(middle, data), curves_figure(systems, middle.name, data)]
    figures += [views_figure(systems, data), bland_altman_figure(systems, data)]
    return figures + frame_figures(systems, read, worst, data)


def usual_view(system: SystemRun) -> str:
    """The view of table 3 where nobody chose one."""
    return max(system.views, key=lambda view: (view == "A4C", len(system.of_view(view))))


def _page(
    systems: Sequence[SystemRun],
    compared: Sequence[SystemRun],
    tables: Sequence[Table],
    figures: Sequence[ReportFigure],
    data: str,
) -> str:
    lines = [f"# The paper's tables and figures: {data}", "", _introduction(compared, data), "", *_systems(compared)]
    for table in tables:
        lines += ["", f"## {table.title}", "", table.markdown(), f"[Numbers]({table.name}.csv)"]
    for figure in figures:
        number = figure.name.replace("figure-", "Figure ").replace("-bland-altman", ", Bland-Altman")
        lines += ["", f"## {number}: {data}", "", f"![{number}]({figure.name}.png)", "",
                  f"{figure.caption} [Numbers]({figure.name}.csv)"]  # fmt: skip
    return "\n".join([*lines, *_failures(systems), ""])


def _introduction(compared: Sequence[SystemRun], data: str) -> str:
    clips = compared[0].clips
    virtual = "Keyframes just outside a clip are not counted."
    simulated = (
        " **Simulated clips come from a program: how a system does on them says little about real ones.**"
        if "simulated" in data
        else ""
    )
    return (
        f"Made by EchoKeyframe {__version__} after J Nanjing Med Univ 2024;44(02):253-262. Data: {data}, of which "
        f"{len(clips)} could be evaluated by every system: {_count(clips)}. {virtual}{simulated}\n\n"
        "The paper's table 4 is its table 3 on a second, public data set. Here table 3 is on one view and table 4 on "
        "all clips; for a second data set run the command again. Every keyframe, labelled and detected, is in "
        f"[{KEYFRAMES_NAME}]({KEYFRAMES_NAME})."
    )


def _count(clips: Sequence[ClipRun]) -> str:
    views = sorted({clip.view for clip in clips})
    by_view = ", ".join(f"{sum(clip.view == view for clip in clips)} {view}" for view in views)
    inside = [event.phase.value for clip in clips for event in clip.result.events]
    return f"{by_view}; {inside.count('ED')} ED and {inside.count('ES')} ES inside them"


def _systems(systems: Sequence[SystemRun]) -> list[str]:
    rows = [f"| {letter} | {s.name} | {s.decoder} | {s.device} |"
            for letter, s in zip(letters(systems), systems, strict=True)]  # fmt: skip
    return ["| | System | Keyframes read off by | Device |", "|---|---|---|---|", *rows]


def _failures(systems: Sequence[SystemRun]) -> list[str]:
    reasons = dict.fromkeys((name, reason) for system in systems for name, reason in system.failures)
    if not reasons:
        return []
    return ["", "## Not evaluated", "", *(f"- {name}: {reason}" for name, reason in reasons)]


def _keyframes(system: SystemRun) -> list[Record]:
    """Each labelled keyframe with its detection, and each extra detection."""
    records: list[Record] = []
    for clip in system.clips:
        where: Record = {"system": system.name, "clip": clip.name, "view": clip.result.view}
        records += [
            {**where, "phase": e.phase.value, "label": e.frame,
             "detected": None if e.error_frames is None else round(e.frame + e.error_frames),
             "nearest_distance": e.nearest_frames, "error_s": e.error_s}
            for e in clip.result.events
        ]  # fmt: skip
        records += [
            {**where, "phase": x.phase.value, "label": None, "detected": x.frame, "nearest_distance": None,
             "error_s": None}
            for x in clip.result.extras
        ]  # fmt: skip
    return records


def _write_text(path: Path, text: str) -> None:
    with written_atomically(path) as partial:
        partial.write_text(text, encoding="utf-8")
