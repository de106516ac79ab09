"""Tables of an evaluation, as Markdown to read and CSV to compute with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ..atomic_file import written_atomically
from ..csv_file import write_rows
from ..detection.seen_view import ViewFound
from .evaluate import Evaluation, Row

TABLE_NAME = "evaluation.csv"
TEXT_NAME = "evaluation.md"
EVENTS_NAME = "events.csv"
COMPARISON_NAME = "comparison"

_COLUMNS = (
    "phase | clips | true | missed | extra | AFD, frames | AFD, ms | bias, frames | bias, ms | "
    "precision | recall | F1 |"
)
_PAPER_COLUMNS = "AFD ED | AFD ES | detected / true cycles | rate | events without any detection of their phase |"
_MATCHING = (
    "Events are matched one to one within min(0.25 s, half the beat). AFD: mean ± SD of |detected - true| of matched "
    "events. Bias: detected - true. In brackets: 95 % interval, patients drawn with replacement, with all their clips "
    "(a clip by itself where the patient is not known)."
)
_AS_PAPER = "The paper's figures (eq. 4 and 5: every true event against the nearest detection, however far):"


def markdown(evaluation: Evaluation) -> str:
    """The whole evaluation as one Markdown page: our metrics by group, then the paper's."""
    title = f"# {evaluation.detector}, decoder {evaluation.decoder}: {evaluation.data}"
    counts = f"{_counted(evaluation)}, {len(evaluation.failures)} that could not be evaluated."
    rows = [*_heading(f"| group | {_COLUMNS}"), *(_markdown_row(row) for row in evaluation.rows())]
    paper = [*_heading(f"| {_PAPER_COLUMNS}"), f"| {_paper_cells(evaluation)} |"]
    lines = [title, "", _MATCHING, counts, "", *rows, "", _AS_PAPER, "", *paper]
    lines += [*_view_lines(evaluation), *_failure_lines(evaluation), ""]
    return "\n".join(lines)


def _counted(evaluation: Evaluation) -> str:
    results = evaluation.results
    known = {result.patient for result in results if result.patient is not None}
    unknown = sum(result.patient is None for result in results)
    if not known:
        return f"{len(results)} clips of patients who are not told apart"
    others = f" and {unknown} clips of unknown patients" if unknown else ""
    return f"{len(results)} clips of {len(known)} patient{'s' * (len(known) > 1)}{others}"


def comparison(evaluations: Sequence[Evaluation]) -> str:
    """Several evaluations of the same data side by side, as Markdown: all clips together, without the groups."""
    rows = [row._replace(group=_signature(e)) for e in evaluations for row in e.rows() if row.group == "all"]
    table = [*_heading(f"| detector, decoder | {_COLUMNS}"), *map(_markdown_row, rows)]
    paper = _heading(f"| detector, decoder | {_PAPER_COLUMNS}")
    paper += [f"| {_signature(e)} | {_paper_cells(e)} |" for e in evaluations]
    title = f"# {evaluations[0].data}"
    return "\n".join([title, "", _MATCHING, "", *table, "", _AS_PAPER, "", *paper, ""])


def _signature(evaluation: Evaluation) -> str:
    return f"{evaluation.detector}, {evaluation.decoder}"


def _heading(columns: str) -> list[str]:
    return [columns, "|" + "---|" * (columns.count("|") - 1)]


def _markdown_row(row: Row) -> str:
    m = row.metrics
    cells = [
        row.group,
        row.phase.value if row.phase else "both",
        str(row.clips),
        str(m.true),
        str(m.missed),
        str(m.extra),
        f"{_shown(m.afd_frames)} ± {_shown(m.afd_frames_sd)}{_interval(row.afd_interval)}",
        f"{_shown(m.afd_ms, 0)} ± {_shown(m.afd_ms_sd, 0)}",
        _shown(m.bias_frames, 2, "+"),
        f"{_shown(m.bias_ms, 0, '+')}{_interval(row.bias_interval, 0)}",
        _shown(m.precision, 3),
        _shown(m.recall, 3),
        f"{_shown(m.f1, 3)}{_interval(row.f1_interval, 3)}",
    ]
    return "| " + " | ".join(cells) + " |"


def _paper_cells(evaluation: Evaluation) -> str:
    paper = evaluation.paper()
    return (
        f"{_shown(paper.afd_ed)} ± {_shown(paper.afd_ed_sd)} | {_shown(paper.afd_es)} ± {_shown(paper.afd_es_sd)} "
        f"| {paper.detected_cycles:g} / {paper.true_cycles:g} | {_shown(paper.cycle_detection_rate, 3)} "
        f"| {paper.unanswered}"
    )


def _view_lines(evaluation: Evaluation) -> list[str]:
    """What was found in view beside what labels or files name; nothing where no view is known."""
    known = [(truth, r.seen) for r in evaluation.results if (truth := ViewFound.of_view(r.view)) is not None]
    lines = []
    for truth in ViewFound:
        seen = [view for named, view in known if named is truth]
        told = [view for view in seen if view is not None]
        right = sum(view.found is truth for view in told)
        sure = sum(view.confidence for view in told) / len(told) if told else math.nan
        if seen:
            lines.append(f"| {truth} | {len(seen)} | {len(told)} | {right} | {_shown(sure)} |")
    heading = _heading("| view | clips | told | right | mean confidence |")
    return ["", "What is in view, found in the picture:", "", *heading, *lines] if lines else []


def _failure_lines(evaluation: Evaluation) -> list[str]:
    if not evaluation.failures:
        return []
    return ["", "Not evaluated:", "", *(f"- {name}: {reason}" for name, reason in evaluation.failures)]


def write_report(evaluation: Evaluation, folder: Path) -> None:
    """Write evaluation.md, evaluation.csv (one row a group) and events.csv (one row a keyframe) into ``folder``."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with written_atomically(folder / TEXT_NAME) as path:
        path.write_text(markdown(evaluation), encoding="utf-8")
    _write_table(folder / TABLE_NAME, [_flat(row) for row in evaluation.rows()])
    _write_table(folder / EVENTS_NAME, _event_rows(evaluation))


def write_comparison(evaluations: Sequence[Evaluation], folder: Path) -> None:
    """Write comparison.md (see ``comparison``) and comparison.csv (all groups of all evaluations) into ``folder``."""
    with written_atomically((folder / COMPARISON_NAME).with_suffix(".md")) as path:
        path.write_text(comparison(evaluations), encoding="utf-8")
    rows = [{"detector": e.detector, "decoder": e.decoder, **_flat(row)} for e in evaluations for row in e.rows()]
    _write_table((folder / COMPARISON_NAME).with_suffix(".csv"), rows)


def _flat(row: Row) -> dict[str, object]:
    low, high = row.afd_interval or ("", "")
    f1_low, f1_high = row.f1_interval or ("", "")
    bias_low, bias_high = row.bias_interval or ("", "")
    return {
        "group": row.group,
        "phase": row.phase.value if row.phase else "both",
        "clips": row.clips,
        **asdict(row.metrics),
        "afd_frames_low": low,
        "afd_frames_high": high,
        "f1_low": f1_low,
        "f1_high": f1_high,
        "bias_ms_low": bias_low,
        "bias_ms_high": bias_high,
    }


def _event_rows(evaluation: Evaluation) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for result in evaluation.results:
        clip = {"clip": result.name, "view": result.view or "", "heart_rate": result.heart_rate, "fps": result.fps,
                "view_found": result.seen.found if result.seen else "",
                "view_confidence": result.seen.confidence if result.seen else None}  # fmt: skip
        for e in result.events:
            outcome = "missed" if e.error_frames is None else "found"
            rows.append(
                {**clip, "phase": e.phase.value, "outcome": outcome, "frame": e.frame, "at_end": int(e.at_end)}
                | {"error_frames": e.error_frames, "error_s": e.error_s}
            )
        rows += [
            {**clip, "phase": x.phase.value, "outcome": "extra", "frame": x.frame, "at_end": int(x.at_end)}
            | {"error_frames": None, "error_s": None}
            for x in result.extras
        ]
    return rows


def _write_table(path: Path, rows: Sequence[dict[str, object]]) -> None:
    write_rows(path, list(rows[0]) if rows else (), rows)


def _shown(value: float, digits: int = 2, sign: str = "") -> str:
    return f"{value:{sign}.{digits}f}" if math.isfinite(value) else "-"


def _interval(interval: tuple[float, float] | None, digits: int = 2) -> str:
    return f" [{_shown(interval[0], digits)}, {_shown(interval[1], digits)}]" if interval else ""
