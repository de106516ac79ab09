"""Labelled cines on disk: the forms in which data sets come, checked and read into one."""
