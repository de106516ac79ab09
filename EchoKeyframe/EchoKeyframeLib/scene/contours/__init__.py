"""LV contours, drawn or taken from segments, with long axis and disks, over the frames that they belong to."""
