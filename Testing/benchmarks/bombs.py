"""Peak memory and time of each small file that claims, or decodes to, gigabytes: all must stay within the budget.

    python Testing/benchmarks/bombs.py [--memory 0.5]

Each is read in a process of its own, with what decoded cines may take set to --memory GB. "Peak" is resident memory
above that of the process before it reads; "allowed" is the budget and 200 MB for a decoder. Linux.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTING = Path(__file__).resolve().parents[1]
MIB = 1 << 20


def read(path: Path) -> str:
    """Read a file as the program would; what came of it."""
    from EchoKeyframeLib.cine.cine import CineError
    from EchoKeyframeLib.cine.read import read_cine
    from EchoKeyframeLib.measurement.mask_picture import read_mask
    from EchoKeyframeLib.models.weights_file import load_card
    from EchoKeyframeLib.report.keyframes_file import read_json

    before = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    start = time.perf_counter()
    try:
        if path.name == "card.json":
            load_card(path.with_suffix(".safetensors"))
        elif path.suffix == ".json":
            read_json(path)
        elif path.suffix == ".png":
            read_mask(path)
        else:
            read_cine(path, 25.0)
        outcome = "read"
    except CineError as error:
        outcome = error.reason
    return f"{(memory('VmHWM') - before) // MIB}\t{time.perf_counter() - start:.2f}\t{outcome}"


def memory(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)[1]) << 10


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory", type=float, default=0.5, help="GB")
    parser.add_argument("--read", type=Path)
    options = parser.parse_args()
    if options.read:
        print(read(options.read))
        return 0
    from dicom_files import beating_frames, write_dicom
    from hostile_files import bombs, documents, mask_picture, scans_jpeg
    from pydicom.uid import JPEGBaseline8Bit

    allowed, failed = int(options.memory * 1e9) // MIB + 200, 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {**bombs(folder), **documents(), "mask.png": mask_picture()}
        write_dicom(folder / "scans.dcm", beating_frames(2, 64, 64), JPEGBaseline8Bit, encoded=[scans_jpeg()] * 2)
        files["scans.dcm"] = (folder / "scans.dcm").read_bytes()
        print(f"{'file':24}{'bytes':>12}{'peak MiB':>10}{'s':>8}  verdict (allowed: {allowed} MiB)")
        for file, data in files.items():
            (folder / file).write_bytes(data)
            command = [sys.executable, __file__, "--read", str(folder / file)]
            environment = {**os.environ, "ECHOKEYFRAME_MEMORY": str(options.memory), "OPENBLAS_NUM_THREADS": "1",
                           "PYTHONPATH": os.pathsep.join([str(TESTING), *sys.path])}  # fmt: skip
            done = subprocess.run(command, capture_output=True, text=True, env=environment)
            peak, seconds, outcome = (*done.stdout.rstrip("\n").split("\t"), "", "")[:3]
            is_fine = done.returncode == 0 and int(peak) <= allowed
            failed += not is_fine
            verdict = f"{'within' if is_fine else 'BEYOND'}: {outcome[:90] or done.stderr[-90:]}"
            print(f"{file:24}{len(data):>12,}{peak:>10}{seconds:>8}  {verdict}", flush=True)
    print(f"{failed} of {len(files)} beyond the limit")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.path.insert(1, str(TESTING))
    sys.exit(main())
