"""CAMUS: half cycles, two- and four-chamber, of 500 patients, with ED, ES and label maps.

Two releases are read, and the folder of patients of either. The first one (MetaImage): ``training`` and ``testing``
with ``patientNNNN/patientNNNN_4CH_sequence.mhd``; the same number in both parts is another patient. The later one
(NIfTI): ``database_nifti`` with ``patientNNNN/patientNNNN_4CH_half_sequence.nii.gz``, and ``database_split`` with lists
of the patients of each part. ``Info_2CH.cfg`` and ``Info_4CH.cfg`` say ED and ES (from 1), NbFrame, ImageQuality and,
in the later release, FrameRate and EF, in the first one LVef, LVedv and LVesv.
Leclerc et al., IEEE TMI 2019;38:2198-2210, doi:10.1109/TMI.2019.2900516.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from ..detection.keyframes import Phase
from ..table_file import FrameCount, Milliliters, Name, Percent, checked_row
from ..table_file import FrameRate as Rate
from .clip_labels import ClipLabels, LabelError
from .dataset import Dataset, Finding, LabelledCine, Severity, StatedVolumes
from .decided import labelled_spans
from .masks import LabelMapMasks
from .split import Split

FORM = "CAMUS"
VIEWS = {"2CH": "A2C", "4CH": "A4C"}
_PARTS = {"database_nifti": None, "training": Split.TRAIN, "testing": Split.TEST, ".": None}
_SPLIT_FILES = {
    "subgroup_training.txt": Split.TRAIN, "subgroup_validation.txt": Split.VAL, "subgroup_testing.txt": Split.TEST
}  # fmt: skip
_SEQUENCES = ("half_sequence", "sequence")
_SUFFIXES = (".nii.gz", ".nii", ".mhd", ".mha")
_LARGEST_INFO = 65536
_FrameNumber = Annotated[int, msgspec.Meta(ge=1, lt=10**7, description="a whole number from 1")]


class _Info(msgspec.Struct):
    ED: _FrameNumber | None = None
    ES: _FrameNumber | None = None
    NbFrame: FrameCount | None = None
    FrameRate: Rate | None = None
    ImageQuality: Name | None = None
    EF: Percent | None = None
    LVef: Percent | None = None
    LVedv: Milliliters | None = None
    LVesv: Milliliters | None = None


def is_camus(folder: Path) -> bool:
    """Whether a folder holds CAMUS, or patients of it."""
    return next(_patients(folder), None) is not None


def read_camus(folder: Path, fps: float | None = None) -> Dataset:
    """The labelled half cycles of CAMUS. fps: frames per second where the set states none (its first release).

    Patients of the first release's test part have no ED and ES; they are left out with a note.
    """
    findings: list[Finding] = []
    published = _published_split(folder, findings)
    cines = []
    for patient, part in _patients(folder):
        split = _PARTS[part] or published.get(patient.name)
        for view in VIEWS:
            info = patient / f"Info_{view}.cfg"
            try:
                cine = _labelled(folder, patient, view, split, fps, findings) if info.is_file() else None
            except LabelError as error:
                findings.append(Finding(Severity.ERROR, "wrong labels", _name(folder, info), str(error)))
            else:
                if cine is not None:
                    cines.append(cine)
    return Dataset(FORM, folder, tuple(cines), tuple(findings))


def _patients(folder: Path) -> Iterator[tuple[Path, str]]:
    """Folders of patients, and the part of the set that they lie in."""
    for part in _PARTS:
        place = folder / part
        for patient in sorted(place.iterdir()) if place.is_dir() else ():
            if re.fullmatch(r"patient\d+", patient.name) and any((patient / f"Info_{v}.cfg").is_file() for v in VIEWS):
                yield patient, part


def _labelled(
    folder: Path, patient: Path, view: str, split: Split | None, fps: float | None, findings: list[Finding]
) -> LabelledCine | None:
    info_path = patient / f"Info_{view}.cfg"
    name = _name(folder, info_path)
    info = checked_row(_entries(info_path), _Info, name, error=LabelError)
    if info.ED is None or info.ES is None:
        findings.append(Finding(Severity.NOTE, "no ED and ES", name, f"{name}: says no ED and ES; left out"))
        return None
    ed, es, frames = info.ED - 1, info.ES - 1, info.NbFrame
    if frames is not None and max(ed, es) >= frames:
        raise LabelError(name, f"ED {ed + 1} and ES {es + 1} must lie between 1 and NbFrame, {frames}")
    rate = info.FrameRate or fps
    sequence = _sequence(patient, view)
    if sequence is None:
        raise LabelError(name, f"its image sequence ({patient.name}_{view}_half_sequence or _sequence) is missing")
    events = sorted([(float(ed), Phase.ED), (float(es), Phase.ES)])
    labels = ClipLabels(
        _name(folder, sequence), (float(ed),), (float(es),), frames, rate, VIEWS[view],
        labelled_spans(events, frames, rate),
    ).check()  # fmt: skip
    return LabelledCine(
        labels,
        sequence,
        patient=_name(folder, patient),
        split=split,
        quality=info.ImageQuality,
        masks=_masks(patient, view, sequence, ed, es, frames),
        stated=StatedVolumes(info.LVef if info.EF is None else info.EF, info.LVedv, info.LVesv),
    )


def _sequence(patient: Path, view: str) -> Path | None:
    candidates = (patient / f"{patient.name}_{view}_{kind}{suffix}" for kind in _SEQUENCES for suffix in _SUFFIXES)
    return next((path for path in candidates if path.is_file()), None)


def _masks(patient: Path, view: str, sequence: Path, ed: int, es: int, frames: int | None) -> LabelMapMasks | None:
    """Label maps of every frame (later release), else of ED and ES."""
    suffix = next(s for s in _SUFFIXES if sequence.name.endswith(s))
    whole = sequence.with_name(f"{sequence.name.removesuffix(suffix)}_gt{suffix}")
    if whole.is_file() and frames is not None:
        return LabelMapMasks({frame: (whole, frame) for frame in range(frames)}, VIEWS[view])
    maps = {}
    for frame, phase in ((ed, "ED"), (es, "ES")):
        path = patient / f"{patient.name}_{view}_{phase}_gt{suffix}"
        if path.is_file():
            maps[frame] = (path, 0)
    return LabelMapMasks(maps, VIEWS[view]) if maps else None


def _published_split(folder: Path, findings: list[Finding]) -> dict[str, Split]:
    """Patient -> part, from the lists of the later release."""
    places = (folder / "database_split", folder.parent / "database_split")
    place = next((p for p in places if p.is_dir()), None)
    parts: dict[str, Split] = {}
    for name, split in _SPLIT_FILES.items() if place else ():
        if not (place / name).is_file():
            findings.append(Finding(Severity.WARNING, "split missing", name, f"{name}: is missing in database_split"))
            continue
        for patient in (place / name).read_text(encoding="utf-8-sig", errors="replace").split():
            if parts.get(patient, split) is not split:
                message = f"{name}: {patient} is in two parts; a patient may be in one only"
                findings.append(Finding(Severity.ERROR, "patient in two parts", name, message))
            parts[patient] = split
    return parts


def _entries(path: Path) -> dict[str, str]:
    """``Key: value`` lines."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as stream:
            lines = stream.read(_LARGEST_INFO).splitlines()
    except OSError as error:
        raise LabelError(f"{path.parent.name}/{path.name}", f"cannot be read ({error.strerror})") from None
    pairs = (line.partition(":") for line in lines)
    return {key.strip(): value.strip() for key, colon, value in pairs if colon and value.strip()}


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()
