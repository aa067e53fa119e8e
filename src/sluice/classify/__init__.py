"""What data is, found out by itself: detectors over values, and proposals of labels for columns."""
