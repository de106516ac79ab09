"""Between the scene and files: where a loop came from, contours, DICOM key objects, labelled folders."""
