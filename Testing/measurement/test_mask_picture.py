"""Segmentations as other tools save them: the cavity alone, or a refusal; and names that lead elsewhere."""

from __future__ import annotations

import json
import os
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from EchoKeyframeLib.cine.budget import MEMORY_VARIABLE
from EchoKeyframeLib.measurement.contour import MeasurementError
from EchoKeyframeLib.measurement.contours_file import read_contours
from EchoKeyframeLib.measurement.mask_picture import read_mask
from PIL import Image

SIZE = (120, 160)


def ellipse(half: tuple[int, int], centre: tuple[int, int] = (80, 50)) -> np.ndarray:
    return cv2.ellipse(np.zeros(SIZE, np.uint8), centre, half, 0, 0, 360, 1, -1).astype(bool)


CAVITY, WALL = ellipse((20, 36)), ellipse((26, 42)) & ~ellipse((20, 36))
THIN_WALL = ellipse((22, 38)) & ~CAVITY
ATRIUM = ellipse((14, 10), (80, 104)) & ~ellipse((26, 42))


def labels(cavity: int, wall: int, atrium: int, kind: type = np.uint8, around: np.ndarray = WALL) -> np.ndarray:
    picture = np.zeros(SIZE, kind)
    picture[ATRIUM], picture[around], picture[CAVITY] = atrium, wall, cavity
    return picture


def save(path: Path, picture: np.ndarray, mode: str | None = None) -> Path:
    Image.fromarray(picture, mode).save(path)
    return path


def soft(sigma: float, top: float = 255) -> np.ndarray:
    return np.rint(cv2.GaussianBlur(CAVITY.astype(np.float32) * top, (0, 0), sigma)).astype(np.uint8)


def coloured(inside: tuple[int, ...], outside: tuple[int, ...]) -> np.ndarray:
    return np.where(CAVITY[..., None], np.uint8(inside), np.uint8(outside))


@pytest.mark.parametrize("picture", [
    CAVITY.astype(np.uint8), CAVITY.astype(np.uint8) * 255, CAVITY.astype(np.uint16) * 300, CAVITY,
    coloured((200, 0, 0), (0, 0, 0)), coloured((0, 0, 0, 255), (0, 0, 0, 0)), coloured((255, 255, 255, 255), (0,) * 4),
    coloured((9, 200, 9, 128), (9, 200, 9, 0)), coloured((1, 1, 1, 255), (0, 0, 0, 255)),
    coloured((255, 255), (0, 255)),
])  # fmt: skip
def test_one_value_beside_0_or_what_is_opaque_is_the_cavity(tmp_path, picture):
    assert np.array_equal(read_mask(save(tmp_path / "m.png", picture), SIZE), CAVITY)


@pytest.mark.parametrize("picture", [
    soft(0.8), soft(2.0), soft(3.0), soft(1.5, 200),
    np.dstack([np.zeros((*SIZE, 3), np.uint8), soft(1.5)[..., None]]),  # alpha alone, with soft edges
])  # fmt: skip
def test_of_soft_edges_half_of_the_greatest_value_is_the_border(tmp_path, picture):
    found = read_mask(save(tmp_path / "m.png", picture), SIZE)
    assert (found != CAVITY).sum() < 0.03 * CAVITY.sum()


def test_a_probability_in_floats_is_soft_too(tmp_path):
    picture = cv2.GaussianBlur(CAVITY.astype(np.float32), (0, 0), 1.5)
    found = read_mask(save(tmp_path / "m.tif", picture), SIZE)
    assert (found != CAVITY).sum() < 0.03 * CAVITY.sum()


def palette() -> Image.Image:
    picture = Image.fromarray(labels(1, 2, 3), "P")
    picture.putpalette([0, 0, 0, 230, 40, 40, 40, 230, 40, 40, 40, 230])
    return picture


@pytest.mark.parametrize("picture", [
    labels(1, 2, 3), labels(3, 1, 2), labels(1, 2, 3, around=THIN_WALL), labels(2, 1, 3, around=THIN_WALL),
    labels(85, 170, 255), labels(255, 170, 85), labels(500, 600, 700, np.uint16), labels(256, 512, 768, np.uint16),
    labels(600, 300, 300, np.uint16), labels(1, 2, 2), labels(255, 128, 128), palette(),
])  # fmt: skip
def test_several_labels_are_refused_unless_the_cavity_is_named(tmp_path, picture):
    path = tmp_path / "m.png"
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(path)
    values = np.array(picture)
    cavity = int(values[50, 80])
    with pytest.raises(MeasurementError, match="holds several labels, the values") as caught:
        read_mask(path, SIZE)
    assert all(str(value) in caught.value.reason for value in np.unique(values) if value)
    assert np.array_equal(read_mask(path, SIZE, label=cavity), CAVITY)
    with pytest.raises(MeasurementError, match="no pixel of label 77"):
        read_mask(path, SIZE, label=77)


def test_several_colours_are_refused(tmp_path):
    picture = coloured((200, 0, 0), (0, 0, 0))
    picture[WALL] = (0, 200, 0)
    with pytest.raises(MeasurementError, match="holds 2 colours"):
        read_mask(save(tmp_path / "m.png", picture), SIZE)


def test_a_contour_or_its_file_names_the_label(tmp_path):
    save(tmp_path / "m.png", labels(1, 2, 3))
    path = tmp_path / "c.json"
    entry = {"phase": "ED", "frame": 0, "mask": "m.png", "annulus": [[70, 82], [90, 82]]}
    path.write_text(json.dumps({"schema": 1, "contours": [entry]}), encoding="utf-8")
    with pytest.raises(MeasurementError, match=r"c\.json: contour 1: mask m\.png holds several labels, .* 1, 2, 3"):
        read_contours(path)
    for document in ({"contours": [entry | {"label": 1}]}, {"label": 1, "contours": [entry]}):
        path.write_text(json.dumps({"schema": 1, **document}), encoding="utf-8")
        (contour,) = read_contours(path)
        assert np.ptp(contour.points[:, 0]) == pytest.approx(40, abs=2)


@pytest.mark.parametrize(("side", "message"), [(12_000, "12000x12000 pixels, but a frame 160x120"),
                                               (60_000, "larger than any frame")])  # fmt: skip
def test_the_size_of_a_picture_is_compared_before_it_is_decoded(tmp_path, side, message):
    path = tmp_path / "bomb.png"
    header = b"IHDR" + side.to_bytes(4, "big") * 2 + bytes([8, 0, 0, 0, 0])
    data = b"IDAT" + zlib.compress(b"\0" * 100_000)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(
        len(chunk[4:]).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big") for chunk in (header, data)
    ))  # fmt: skip
    with pytest.raises(MeasurementError, match=message):
        read_mask(path, SIZE)
    with pytest.raises(MeasurementError, match=r"more than any ultrasound image|larger than any frame"):
        read_mask(path)


@pytest.mark.parametrize("picture", [CAVITY, coloured((200, 0, 0), (0, 0, 0)), coloured((9, 9, 9, 128), (0, 0, 0, 0))])
def test_a_picture_is_decoded_within_the_budget_of_every_reader(tmp_path, monkeypatch, picture):
    path = save(tmp_path / "m.png", picture)
    monkeypatch.setenv(MEMORY_VARIABLE, f"{SIZE[0] * SIZE[1] * 24 / 1e9:g}")
    assert np.array_equal(read_mask(path), CAVITY)
    monkeypatch.setenv(MEMORY_VARIABLE, f"{SIZE[0] * SIZE[1] * 23 / 1e9:g}")
    with pytest.raises(MeasurementError, match=r"^m\.png: needs .* of memory decoded"):
        read_mask(path)


SECTOR = cv2.ellipse(np.zeros(SIZE, np.uint8), (80, 2), (112, 112), 0, 50, 130, 1, -1).astype(bool)
OPEN_WALL = WALL & (np.arange(SIZE[0])[:, None] < 70)


@pytest.mark.parametrize("marked", [~CAVITY, ~ellipse((20, 36), (80, 100)), ~ellipse((2, 2))])
@pytest.mark.parametrize("kind", ["gray", "soft", "alpha", "colour"])
def test_all_but_the_cavity_is_refused(tmp_path, marked, kind):
    picture = {"gray": marked * np.uint8(255), "colour": marked[..., None] * np.uint8((200, 0, 0)),
               "alpha": np.dstack([np.zeros((*SIZE, 3), np.uint8), marked * np.uint8(255)]),
               "soft": np.rint(cv2.GaussianBlur(marked * np.float32(255), (0, 0), 1.5)).astype(np.uint8)}  # fmt: skip
    with pytest.raises(MeasurementError, match=r"^m\.png: marks the picture's edge all round, .* save it inverted"):
        read_mask(save(tmp_path / "m.png", picture[kind]), SIZE)


@pytest.mark.parametrize("marked", [WALL, OPEN_WALL, SECTOR & ~CAVITY, SECTOR & ~ellipse((10, 22)),
                                    THIN_WALL])  # fmt: skip
@pytest.mark.parametrize("value", [1, 255])
def test_a_wall_or_a_sector_without_the_cavity_is_refused(tmp_path, marked, value):
    with pytest.raises(MeasurementError, match=r"^m\.png: marks what lies around an empty area"):
        read_mask(save(tmp_path / "m.png", marked * np.uint8(value)), SIZE)


@pytest.mark.parametrize("label", [2, 3])
def test_a_label_that_is_the_wall_or_the_background_is_refused(tmp_path, label):
    picture = np.full(SIZE, 3, np.uint8)
    picture[WALL], picture[CAVITY] = 2, 1
    with pytest.raises(MeasurementError, match=r"around an empty area|edge all round"):
        read_mask(save(tmp_path / "m.png", picture), SIZE, label)
    assert np.array_equal(read_mask(tmp_path / "m.png", SIZE, 1), CAVITY)


@pytest.mark.parametrize("marked", [
    CAVITY & ~ellipse((4, 7), (72, 60)) & ~ellipse((4, 7), (88, 60)),  # papillary muscles
    ellipse((20, 36), (80, 100)), ellipse((70, 58), (80, 60)), np.zeros(SIZE, bool),
])  # fmt: skip
def test_a_cavity_with_papillary_muscles_cut_by_the_edge_or_large_is_read(tmp_path, marked):
    assert np.array_equal(read_mask(save(tmp_path / "m.png", marked * np.uint8(255)), SIZE), marked)


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes and links there")
@pytest.mark.parametrize("name", ["/dev/zero", "../m.png", "sub/m.png", "..\\m.png", "..", ".", "sub", "pipe",
                                  "out.png", "C:m.png", "gone.png", "m.png\0", "n" * 300])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    for place in (tmp_path, folder / "sub"):
        save(place / "m.png", CAVITY)
    os.mkfifo(folder / "pipe")
    (folder / "out.png").symlink_to(tmp_path / "m.png")
    path = folder / "c.json"
    entry = {"phase": "ED", "frame": 0, "mask": name}
    path.write_text(json.dumps({"schema": 1, "contours": [entry]}), encoding="utf-8")
    with pytest.raises(MeasurementError, match=r"^c\.json: ") as caught:
        read_contours(path)
    assert "\n" not in str(caught.value) and "contour 1: mask" in str(caught.value)
