"""The section on measuring: contours on the keyframes, and the table of volumes."""
