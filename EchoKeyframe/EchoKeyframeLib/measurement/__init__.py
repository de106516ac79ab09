"""LV volumes and ejection fraction from endocardial contours on the ED and ES frames."""
