"""Reads mutants of the files it is given; started by test_fuzz_headers.py in a process of its own.

Arguments: first case, number of cases, folder for the mutants, file for the progress, files to mutate. A case is the
same in every run. Writes a report to stdout.
"""

from __future__ import annotations

import faulthandler
import json
import sys
from pathlib import Path

import numpy as np
import psutil
from dicom_files import PATIENT
from EchoKeyframeLib.cine.cine import Cine, CineError
from EchoKeyframeLib.cine.read import read_cine

_HANG = 60  # seconds after which a single file counts as a hang
_INTERESTING = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)


def mutate(data: bytes, random: np.random.Generator) -> bytes:
    """One to eight changes: bytes, 16 or 32-bit numbers, bits, pieces cut out, doubled or moved, or the end cut off.

    Two of three lie in the first third of the file, where headers are.
    """
    changed = bytearray(data)
    for _ in range(int(random.integers(1, 9))):
        end = len(changed) if random.random() < 1 / 3 else len(changed) // 3
        at = int(random.integers(0, max(1, end - 4)))
        match int(random.integers(0, 8)):
            case 0 | 1:
                changed[at : at + 1] = bytes([int(random.integers(0, 256))])
            case 2:
                changed[at : at + 1] = bytes([_INTERESTING[int(random.integers(0, len(_INTERESTING)))]])
            case 3:
                changed[at] ^= 1 << int(random.integers(0, 8))
            case 4:
                size = int(random.choice([2, 4]))
                changed[at : at + size] = bytes([int(random.choice([0x00, 0xFF, 0x7F]))]) * size
            case 5:
                del changed[at : at + int(random.integers(1, 40))]
            case 6:
                piece = changed[at : at + int(random.integers(1, 40))]
                changed[at:at] = piece
            case _:
                if random.random() < 0.3:
                    del changed[int(random.integers(1, len(changed))) :]
        if len(changed) < 8:
            break
    return bytes(changed)


def peak_memory() -> int:
    """Bytes that this process has had in memory at most; where that is not known, what it has now."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would start from what the parent process had
        return next(int(line.split()[1]) << 10 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    memory = psutil.Process().memory_info()
    return getattr(memory, "peak_wset", memory.rss)


def main(first: int, cases: int, folder: Path, log: Path, seeds: list[Path]) -> None:
    faulthandler.enable()
    originals = [seed.read_bytes() for seed in seeds]
    report = {"cases": 0, "cines": 0, "errors": 0, "unexplained": []}
    for case in range(first, first + cases):
        seed = seeds[case % len(seeds)]
        random = np.random.default_rng(case)
        path = folder / f"mutant{seed.suffix}"
        path.write_bytes(mutate(originals[case % len(seeds)], random))
        log.write_text(json.dumps({"case": case, "seed": seed.name}), encoding="utf-8")
        faulthandler.dump_traceback_later(_HANG, exit=True)
        try:
            cine = read_cine(path)
            assert isinstance(cine, Cine)
            message = " ".join(cine.warnings)
            report["cines"] += 1
        except CineError as error:
            message = str(error)
            report["errors"] += 1
        except BaseException as error:
            report["unexplained"].append(f"case {case} ({seed.name}): {type(error).__name__}: {error}")
            message = ""
        finally:
            faulthandler.cancel_dump_traceback_later()
        if "\n" in message or PATIENT in message or not message.isprintable():
            report["unexplained"].append(f"case {case} ({seed.name}): message {message!r}")
        report["cases"] += 1
    report["peak_bytes"] = peak_memory()
    print(json.dumps(report))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), [Path(s) for s in sys.argv[5:]])
