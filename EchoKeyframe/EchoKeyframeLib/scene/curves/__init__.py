"""The ED and ES curves as a chart over time, with a line at the frame on show."""
