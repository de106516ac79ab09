"""Pixel spacing and tissue region from a DICOM file's region tags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicom_files import region, write_dicom
from EchoKeyframeLib.cine.cine import Box, Cine
from EchoKeyframeLib.cine.finding import FindingKind
from EchoKeyframeLib.cine.read import read_cine

MOVING = Box(50, 20, 250, 200)


def moving_frames(box: Box, rows: int = 240, columns: int = 320) -> np.ndarray:
    """Black frames with noise in a box that changes from frame to frame."""
    frames = np.zeros((6, rows, columns), np.uint8)
    noise = np.random.default_rng(1).integers(0, 256, (6, box.height, box.width), dtype=np.uint8)
    frames[(slice(None), *box.slices)] = noise
    return frames


@pytest.fixture
def cine_with(tmp_path: Path):
    """Writes 320x240 frames that move inside columns 50-250 and rows 20-200 with these regions, and reads them."""

    def make(*regions, moving: Box = MOVING, **tags: object) -> Cine:
        if regions:
            tags["SequenceOfUltrasoundRegions"] = list(regions)
        return read_cine(write_dicom(tmp_path / "clip.dcm", moving_frames(moving), **tags))

    return make


def tells(cine: Cine, words: str) -> bool:
    """Whether a finding about the spacing, which is a warning, too, holds these words."""
    return any(f.kind is FindingKind.SPACING and words in f.text and f.text in cine.warnings for f in cine.findings)


def test_a_tissue_region_in_cm(cine_with) -> None:
    cine = cine_with(region(40, 10, 260, 210, 0.08))
    assert cine.spacing == pytest.approx((0.8, 0.8))
    assert cine.region == Box(40, 10, 261, 211) and cine.warnings == ()


def test_unequal_and_negative_deltas(cine_with) -> None:
    cine = cine_with(region(40, 10, 260, 210, (-0.05, 0.08)))
    assert cine.spacing == pytest.approx((0.8, 0.5))


def test_the_largest_tissue_region_of_many(cine_with) -> None:
    others = [
        region(0, 215, 319, 239, 0.01, RegionSpatialFormat=3, RegionDataType=10, PhysicalUnitsXDirection=4),
        region(5, 10, 35, 40, 0.2),
        region(100, 50, 200, 150, 0.08, RegionDataType=2),
    ]
    cine = cine_with(*others, region(40, 10, 260, 210, 0.08))
    assert cine.spacing == pytest.approx((0.8, 0.8)) and cine.region == Box(40, 10, 261, 211)


def test_two_tissue_regions_side_by_side_are_told(cine_with) -> None:
    cine = cine_with(region(0, 10, 150, 210), region(160, 10, 319, 210))
    assert cine.region == Box(160, 10, 320, 211)
    assert any("2 tissue regions" in warning for warning in cine.warnings)


def test_color_flow_alone_gives_spacing_but_no_tissue_region(cine_with) -> None:
    cine = cine_with(region(100, 50, 200, 150, 0.08, RegionDataType=2))
    assert cine.spacing == pytest.approx((0.8, 0.8)) and cine.region is None


def test_m_mode_and_other_units_give_no_spacing(cine_with) -> None:
    assert cine_with(region(40, 10, 260, 210, RegionSpatialFormat=2)).spacing is None
    cine = cine_with(region(40, 10, 260, 210, PhysicalUnitsXDirection=4))
    assert cine.spacing is None and cine.region == Box(40, 10, 261, 211)


def test_bounds_that_include_the_edge_are_clipped(cine_with) -> None:
    cine = cine_with(region(0, 0, 320, 240, 0.08))
    assert cine.region == Box(0, 0, 320, 240) and cine.spacing == pytest.approx((0.8, 0.8))


def test_regions_of_a_larger_image_are_scaled_where_the_motion_leaves_one_factor(cine_with) -> None:
    cine = cine_with(region(90, 30, 510, 404, 0.05))
    assert cine.spacing == pytest.approx((1.0, 1.0))
    assert cine.region == Box(45, 15, 256, 203)
    assert any("2 times as large" in warning for warning in cine.warnings)


def test_regions_that_several_factors_explain_are_ignored(cine_with) -> None:
    cine = cine_with(region(0, 0, 630, 470, 0.05), moving=Box(120, 90, 180, 130))
    assert cine.spacing is None and cine.region is None
    assert any("630" in warning and "320x240" in warning for warning in cine.warnings)


def test_regions_outside_what_moves_are_ignored(cine_with) -> None:
    cine = cine_with(region(400, 300, 630, 470, 0.05))
    assert cine.spacing is None and cine.region is None and cine.warnings


@pytest.mark.parametrize("delta", [0.0, float("nan"), float("inf"), 1e-9, 50.0, (0.08, 0.8)])
def test_no_absurd_spacing(cine_with, delta) -> None:
    cine = cine_with(region(40, 10, 260, 210, delta))
    assert cine.spacing is None and cine.region == Box(40, 10, 261, 211)
    assert any("impossible" in warning for warning in cine.warnings)


@pytest.mark.parametrize("bounds", [(260, 10, 40, 210), (40, 10, 40, 10), (0, 0, 4294967295, 4294967295)])
def test_bounds_without_an_area(cine_with, bounds: tuple[int, ...]) -> None:
    cine = cine_with(region(*bounds))
    assert cine.spacing is None and cine.region is None and cine.warnings


def test_pixel_spacing_serves_without_regions(cine_with) -> None:
    assert cine_with(PixelSpacing=[0.5, 0.6]).spacing == pytest.approx((0.5, 0.6))
    assert cine_with(PixelSpacing=[0, 0]).spacing is None
    assert cine_with(ImagerPixelSpacing=[0.5, 0.5]).spacing is None


@pytest.mark.parametrize(
    "stated",
    [
        region(40, 10, 260, 210, 0.0),
        region(40, 10, 260, 210, PhysicalUnitsXDirection=0, PhysicalUnitsYDirection=0),
        region(40, 10, 260, 210, RegionSpatialFormat=2),
        region(400, 300, 630, 470, 0.05),
        region(40, 10, 40, 10),
    ],
    ids=["no deltas", "no units", "M-mode only", "outside", "no area"],
)
def test_pixel_spacing_serves_where_regions_give_none(cine_with, stated) -> None:
    cine = cine_with(stated, PixelSpacing=[0.5, 0.6])
    assert cine.spacing == pytest.approx((0.5, 0.6))
    assert tells(cine, "PixelSpacing of 0.5 x 0.6 mm is used")


def test_a_region_without_deltas_at_all(cine_with) -> None:
    stated = region(40, 10, 260, 210)
    del stated.PhysicalDeltaX, stated.PhysicalDeltaY
    cine = cine_with(stated, PixelSpacing=[0.5, 0.5])
    assert cine.spacing == pytest.approx((0.5, 0.5)) and cine.region == Box(40, 10, 261, 211)


@pytest.mark.parametrize(("own", "is_told"), [(0.5, True), (0.79, False), (0.81, False), (0.82, True)])
def test_pixel_spacing_that_differs_from_the_region_is_told(cine_with, own: float, is_told: bool) -> None:
    cine = cine_with(region(40, 10, 260, 210, 0.08), PixelSpacing=[own, own])
    assert cine.spacing == pytest.approx((0.8, 0.8))
    assert tells(cine, "the region is used") == is_told


@pytest.mark.parametrize("second", [region(40, 10, 260, 210, 0.05), region(100, 50, 250, 200, (0.08, 0.05))])
def test_tissue_regions_that_overlap_with_different_scales(cine_with, second) -> None:
    for pixel_spacing in ({}, {"PixelSpacing": [0.8, 0.8]}):
        cine = cine_with(region(40, 10, 260, 210, 0.08), second, **pixel_spacing)
        assert cine.spacing is None and tells(cine, "overlap")


def test_overlapping_regions_of_one_scale_are_no_contradiction(cine_with) -> None:
    cine = cine_with(region(40, 10, 260, 210, 0.08), region(100, 50, 200, 150, 0.0805))
    assert cine.spacing == pytest.approx((0.8, 0.8)) and cine.warnings == ()


@pytest.mark.parametrize("tags", [{"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7.2"}, {"ConversionType": "WSD"}])
def test_one_by_one_millimetre_of_a_secondary_capture_was_never_measured(cine_with, tags: dict) -> None:
    cine = cine_with(PixelSpacing=[1, 1], **tags)
    assert cine.spacing is None and tells(cine, "nobody measured")
    assert cine_with(PixelSpacing=[0.9, 0.9], **tags).spacing == pytest.approx((0.9, 0.9))


@pytest.mark.parametrize("dpi", [72, 96, 300])
def test_the_spacing_of_a_screen_is_doubted(cine_with, dpi: int) -> None:
    cine = cine_with(PixelSpacing=[round(25.4 / dpi, 6)] * 2)
    assert cine.spacing == pytest.approx((25.4 / dpi,) * 2, rel=1e-4) and tells(cine, f"{dpi} dots per inch")


def test_a_decimal_comma_in_pixel_spacing(tmp_path: Path) -> None:
    path = write_dicom(tmp_path / "clip.dcm", moving_frames(MOVING), PixelSpacing=[0.5, 0.6])
    path.write_bytes(path.read_bytes().replace(b"0.5\\0.6", b"0,5\\0,6"))
    cine = read_cine(path)
    assert cine.spacing == pytest.approx((0.5, 0.6)) and tells(cine, "decimal comma")


def test_the_real_sample_whose_tags_lie_outside(sample_clip: Path) -> None:
    cine = read_cine(sample_clip)
    assert cine.spacing == pytest.approx((1.021, 1.021), abs=0.001)
    assert cine.region.x0 == 42 and cine.region.y1 == 208
