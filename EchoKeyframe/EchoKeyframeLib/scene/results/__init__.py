"""Volumes and ejection fraction from the contours, measured again as they change, as table and chart."""
