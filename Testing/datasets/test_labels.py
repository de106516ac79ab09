"""labels.csv: what is written is read back, and what cannot be right is named."""

import pytest
from EchoKeyframeLib.datasets.labels import ClipLabels, LabelError, read_labels, write_labels

CLIPS = [
    ClipLabels("a/loop 1.dcm", (8.5, 61.5), (29.5,), 65, 52.5, "A4C"),
    ClipLabels("b.avi", (20, 66), (-1, 43), 58, None, None),
    ClipLabels("schlag ä.mp4", (3,), ()),
]


def test_round_trip(tmp_path):
    write_labels(tmp_path / "labels.csv", CLIPS)
    assert read_labels(tmp_path) == CLIPS
    assert read_labels(tmp_path / "labels.csv") == CLIPS
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]


def test_columns_may_be_few_and_a_byte_order_mark_is_nothing(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("file,phase,frame\nx.dcm,ed,3\nx.dcm,ES,9\n", encoding="utf-8-sig")
    assert read_labels(path) == [ClipLabels("x.dcm", (3,), (9,))]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("x.dcm,ED,3,20\nx.dcm,ES,25,20", r"ES frame 25 lies beyond the clip's 20 frames"),
        ("x.dcm,ED,-2,20", r"ED frame -2 lies beyond"),
        ("x.dcm,ED,3,60\nx.dcm,ED,40,60", r"ED frames 3 and 40 without an ES between"),
        ("x.dcm,ES,3,60\nx.dcm,ES,40,60", r"ES frames 3 and 40 without an ED between"),
        ("x.dcm,ED,40,60\nx.dcm,ED,3,60", r"ED frame 3 comes after 40"),
        ("x.dcm,ED,3,60\nx.dcm,ED,3,60", r"ED frame 3 is given twice"),
        ("x.dcm,ED,3,60\nx.dcm,ES,3,60", r"labelled both ED and ES"),
        ("x.dcm,EDV,3,60", r"line 2: phase must be ED or ES$"),
        ("x.dcm,ED,three,60", r"line 2: frame must be a number$"),
        ("x.dcm,ED,nan,60", r"line 2: frame must be a number"),
        ("x.dcm,ED,,60", r"line 2: frame must be a number"),
        ("../x.dcm,ED,3,60", r"line 2: file must be that of a cine inside the folder"),
        ("C:\\x.dcm,ED,3,60", r"inside the folder"),
        (",ED,3,60", r"inside the folder"),
        ("", r"holds no labels"),
    ],
)
def test_what_cannot_be_right(tmp_path, rows, message):
    path = tmp_path / "labels.csv"
    path.write_text(f"file,phase,frame,frames\n{rows}\n", encoding="utf-8")
    with pytest.raises(LabelError, match=message) as caught:
        read_labels(path)
    assert "labels.csv" in str(caught.value) or "x.dcm" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_column_and_a_missing_file(tmp_path):
    path = tmp_path / "labels.csv"
    with pytest.raises(LabelError, match="no such file of labels"):
        read_labels(path)
    path.write_text("file,frame\nx,1\n", encoding="utf-8")
    with pytest.raises(LabelError, match="lacks the column 'phase'"):
        read_labels(path)


@pytest.mark.parametrize("text", ["file;phase;frame\nx.avi;ED;1,5\nx.avi;ES;9\n",
                                  "file\tphase\tframe\nx.avi\tED\t1.5\nx.avi\tES\t9"])
def test_a_table_as_spreadsheets_save_it_elsewhere_is_read(tmp_path, text):
    (tmp_path / "labels.csv").write_text(text, encoding="utf-8-sig")
    assert read_labels(tmp_path) == [ClipLabels("x.avi", (1.5,), (9.0,))]


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(b"file,phase,frame\n\xff\xfe\x00,ED,3\n")
    with pytest.raises(LabelError, match="cannot be read as a table"):
        read_labels(path)


def test_wrong_labels_leave_the_old_file(tmp_path):
    path = tmp_path / "labels.csv"
    write_labels(path, CLIPS)
    with pytest.raises(LabelError, match="without an ES"):
        write_labels(path, [ClipLabels("new.dcm", (3, 30), ())])
    assert read_labels(path) == CLIPS
    assert [p.name for p in tmp_path.iterdir()] == ["labels.csv"]
