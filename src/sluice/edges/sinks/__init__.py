"""Floor 4: where the log is kept."""
