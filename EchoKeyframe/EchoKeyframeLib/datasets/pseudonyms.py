"""Names that tell cines and patients apart and lead back to neither, for anyone without the key."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from pydicom import dcmread

from ..cine.cine import CineError
from ..cine.dicom_file import quiet_pydicom, text
from ..cine.read import is_dicom

_KEY_DIGITS = 64
_IDENTITY = ("PatientID", "IssuerOfPatientID")


@dataclass(frozen=True)
class Pseudonyms:
    """Keyed hashes (HMAC-SHA256): the same key gives the same names again, so that a run can be resumed; a name cannot
    be found by trying likely patients, as with a plain hash, unless one has the key."""

    key: str = field(repr=False)

    def cine(self, relative: PurePath) -> str:
        """Name for the cine at this path below its archive, 16 hexadecimal digits behind ``cine-``."""
        return f"cine-{self._digest('cine', unicodedata.normalize('NFC', relative.as_posix()), 16)}"

    def patient(self, identity: str) -> str:
        """Name for a patient's identity, 12 hexadecimal digits behind ``patient-``; empty for an empty one."""
        return f"patient-{self._digest('patient', identity, 12)}" if identity else ""

    @property
    def check(self) -> str:
        """Tells keys apart, and nothing about them."""
        return self._digest("check", "", 16)

    def _digest(self, kind: str, value: str, digits: int) -> str:
        message = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.new(bytes.fromhex(self.key), message, hashlib.sha256).hexdigest()[:digits]


def read_key(path: Path) -> Pseudonyms:
    """Read a key file. Raises CineError where it is missing or no such file."""
    try:
        key = path.read_text(encoding="ascii").strip()
        if len(key) != _KEY_DIGITS:
            raise ValueError
        bytes.fromhex(key)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds no key"
        raise CineError(path.name, f"cannot be read as a key for pseudonyms ({reason})") from None
    return Pseudonyms(key)


def make_key(path: Path) -> Pseudonyms:
    """Make a random key and its file, readable by its owner alone. Raises CineError where that cannot be."""
    key = secrets.token_hex(_KEY_DIGITS // 2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(key + "\n")
    except OSError as error:
        raise CineError(path.name, f"the key for pseudonyms cannot be written ({error.strerror})") from None
    return Pseudonyms(key)


def patient_identity(path: Path) -> str:
    """What tells a DICOM file's patient from others: Patient ID (0010,0020) and its issuer (0010,0021).

    Empty for other and damaged files, and where there is none. To be handed to ``Pseudonyms.patient``, never to be
    shown or kept; the reader of cines leaves these elements out.
    """
    if not is_dicom(path):
        return ""
    try:
        with quiet_pydicom():
            header = dcmread(path, force=True, stop_before_pixels=True, specific_tags=list(_IDENTITY))
    except Exception:  # pydicom raises nearly anything on damaged headers
        return ""
    identity, issuer = (text(header, keyword) for keyword in _IDENTITY)
    return f"{identity}\0{issuer}" if identity else ""
