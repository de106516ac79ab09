"""What a network knows of the aortic valve beyond ED, ES and the length of the beat, on simulated clips.

    python Testing/benchmarks/valve_events.py STORE [--model two-stream] [--clips 200]

STORE: of ``echokeyframe phantom STORE --store``. From ED to the valve's opening and from ES back to its closure, in ms:
told by one constant, by a line over the root of the beat's length, and by that and all outputs of the network from
0.2 s before to 0.2 s after the true ED or ES (ridge regression). Clips are told by the others, in five parts. A network
that saw the valve would do better than the line, which looks at no picture.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from EchoKeyframeLib.cine.sector import find_sector
from EchoKeyframeLib.detection.catalogue import load_detector
from EchoKeyframeLib.evaluation.evaluate import stored_clips
from EchoKeyframeLib.simulator.config import PhantomConfig
from EchoKeyframeLib.simulator.draws import Draws
from EchoKeyframeLib.simulator.rhythm import Rhythm
from EchoKeyframeLib.training.stores.clip_store import ClipStore
from timing import use_threads

AROUND = np.linspace(-0.2, 0.2, 17)
"""Seconds around ED or ES at which outputs are looked at."""

PARTS, PENALTY = 5, 1000.0
OPENS, CLOSES = "ED to opening", "ES to closure"


class Event(NamedTuple):
    clip: int
    kind: str
    ms: float
    beat: float
    outputs: np.ndarray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--model", default="two-stream")
    parser.add_argument("--clips", type=int, default=200)
    options = parser.parse_args()
    use_threads(1)
    found = list(events(options.store, options.model, options.clips))
    print("| | n | spread | constant: mean error, ms | beat's length | and the network |\n" + "|---" * 6 + "|")
    for kind in (OPENS, CLOSES):
        print_errors(kind, [event for event in found if event.kind == kind])


def events(folder: Path, model: str, count: int) -> Iterator[Event]:
    """Of every beat that lies in its clip with what is looked at around."""
    described = json.loads((folder / "store.json").read_text("utf-8"))
    config = PhantomConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in described["phantom"].items()})
    detector = load_detector(model, "cpu")
    for index, case in enumerate(stored_clips(ClipStore(folder), count)):
        times = case.cine.times
        seen = detector.look(case.cine, case.sector or find_sector(case.cine))
        outputs = detector.outputs(seen, case.cine.fps)
        for kind, anchor, moment, length in valve_moments(described["first_seed"] + index, config, case.cine.fps):
            if times[0] <= anchor + AROUND[0] and anchor + AROUND[-1] <= times[-1]:
                around = [np.interp(anchor + AROUND, times, column) for column in outputs.T]
                yield Event(index, kind, 1e3 * (moment - anchor), length, np.concatenate(around))


def valve_moments(seed: int, config: PhantomConfig, fps: float) -> Iterator[tuple[str, float, float, float]]:
    """Kind, ED or ES, moment of the valve, and length of the beat in s, of a clip by its seed."""
    patient = Draws([seed], "patient")
    rhythm = rhythm_of(patient, config, fps)
    for beat in rhythm.beats[:-1]:
        yield OPENS, beat.start, beat.start + beat.ejection, beat.length
        yield CLOSES, beat.start + beat.es, beat.start + beat.aortic_closure, beat.length


def rhythm_of(patient: Draws, config: PhantomConfig, fps: float) -> Rhythm:
    """As the simulator draws it: after the patient's view, frame rate and ejection fraction."""
    from EchoKeyframeLib.simulator.phantom import _draw_patients

    _draw_patients(patient, config)
    return Rhythm(patient.generators[0], config, config.frames / fps)


def print_errors(kind: str, found: list[Event]) -> None:
    truth = np.array([event.ms for event in found])
    root = np.sqrt([event.beat for event in found])
    part = np.array([event.clip % PARTS for event in found])
    ones = np.ones((len(found), 1))
    seen = np.stack([event.outputs for event in found])
    told = (ones, np.c_[ones, root], np.c_[ones, root, seen])
    cells = " | ".join(f"{np.abs(truth - predicted(known, truth, part)).mean():.1f}" for known in told)
    print(f"| {kind} | {len(found)} | {truth.std():.1f} | {cells} |")


def predicted(known: np.ndarray, truth: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Each part's events by a regression on the other parts; what the network says is kept small."""
    result = np.empty(len(truth))
    for one in range(PARTS):
        others = part != one
        scale = known[others].std(axis=0)
        scaled = known / np.where(scale > 0, scale, 1)
        penalty = np.diag([0.0] * min(2, known.shape[1]) + [PENALTY] * max(0, known.shape[1] - 2))
        learned = scaled[others]
        weights = np.linalg.lstsq(learned.T @ learned + penalty, learned.T @ truth[others], rcond=None)[0]
        result[~others] = scaled[~others] @ weights
    return result


if __name__ == "__main__":
    main()
