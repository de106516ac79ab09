"""Tables: names that a spreadsheet would compute are marked where they are written, and read back as they were."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from EchoKeyframeLib.csv_file import marked, read_rows, unmarked, write_rows
from EchoKeyframeLib.datasets.clip_labels import ClipLabels
from EchoKeyframeLib.datasets.label_renewal import renew_labels
from EchoKeyframeLib.datasets.labels import read_labels, write_labels
from EchoKeyframeLib.datasets.manifest import ManifestEntry, append_entry, read_manifest, write_manifest

FORMULAS = ["=1+1.avi", "+cmd|' /C calc'!A0", "-2+3.avi", "@SUM(1).avi", "\t=1", "\r=1", "'=1", "''+x", "="]
PLAIN = ["loop.avi", "a=b", "'quoted'", "-3.5", "+1e-5", "-1", "", "O'Brien", "''", "Größe 心"]


@pytest.mark.parametrize("text", FORMULAS)
def test_what_begins_like_a_formula_is_marked_and_comes_back(text):
    assert marked(text) == f"'{text}" and unmarked(marked(text)) == text


@pytest.mark.parametrize("cell", [*PLAIN, -3.5, None, True])
def test_all_else_is_itself(cell):
    assert marked(cell) == cell
    assert not isinstance(cell, str) or unmarked(cell) == cell


def test_a_table_comes_back(tmp_path):
    path = tmp_path / "t.csv"
    write_rows(path, ["name", "=value"], [{"name": text, "=value": -1.5} for text in (*FORMULAS, *PLAIN)])
    with path.open(encoding="utf-8", newline="") as file:
        raw = list(csv.reader(file))
    assert not [cell for row in raw for cell in row if cell[:1] in ("=", "@", "\t", "\r")]
    with path.open(encoding="utf-8", newline="") as file:
        columns, rows = read_rows(file)
        found = [row for _, row in rows]
    assert columns == ["name", "=value"] and [row["name"] for row in found] == [*FORMULAS, *PLAIN]
    assert {row["=value"] for row in found} == {"-1.5"}


def test_rows_that_are_too_short_or_too_long_are_read():
    _, rows = read_rows(io.StringIO("a,b\n1\n1,2,3,4\n"))
    assert list(rows) == [(2, {"a": "1", "b": ""}), (3, {"a": "1", "b": "2"})]


def test_labels_and_manifest_of_such_names_are_read_as_they_were(tmp_path):
    clips = [ClipLabels("=HYPERLINK(1).avi", (3.0,), (9.0,)), ClipLabels("plain.avi", (4.0,), (8.0,))]
    write_labels(tmp_path / "labels.csv", clips)
    assert (tmp_path / "labels.csv").read_text(encoding="utf-8").count("'=HYPERLINK") == 2
    assert read_labels(tmp_path) == clips
    renew_labels(tmp_path / "labels.csv", clips[1])
    assert {clip.file for clip in read_labels(tmp_path)} == {clip.file for clip in clips}
    entries = [ManifestEntry("a.avi", "prepared", warnings="=1"), ManifestEntry("b", "failed", message="-x")]
    write_manifest(tmp_path, entries[:1])
    append_entry(tmp_path, entries[1])
    assert list(read_manifest(tmp_path).values()) == entries


def test_the_table_of_beats_marks_names(tmp_path):
    from EchoKeyframeLib.report.beat_table import failed_row, write_table

    write_table(tmp_path, [failed_row("=a", "=cmd|x.avi", "cannot be read")])
    line = Path(tmp_path / "beats.csv").read_text(encoding="utf-8").splitlines()[1]
    assert line.startswith("'=a,'=cmd|x.avi,failed")


def test_a_name_in_bytes_that_are_no_text_is_written_with_question_marks(tmp_path):
    write_rows(tmp_path / "a.csv", ["file"], [{"file": "a\udcff.avi"}])
    assert (tmp_path / "a.csv").read_bytes() == b"file\r\na?.avi\r\n"
