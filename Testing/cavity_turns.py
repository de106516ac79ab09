"""When the cavity in the masks of simulated clips is largest and smallest."""

import numpy as np


def cavity_turns(batch, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """How many frames after ED the cavity's area is largest, and after ES smallest, at most ``reach`` away."""
    late = {1: [], -1: []}
    for clip in range(len(batch)):
        area = batch.mask[clip].sum((1, 2)).double().numpy()
        area = np.convolve(np.pad(area, 1, "edge"), [0.25, 0.5, 0.25], "valid")
        for events, sign in ((batch.ed[clip], 1), (batch.es[clip], -1)):
            for frame in events * batch.fps[clip]:
                low, high = round(frame) - reach, round(frame) + reach + 1
                if low >= 0 and high <= len(area):
                    late[sign].append(low + np.argmax(sign * area[low:high]) - frame)
    return np.array(late[1]), np.array(late[-1])
