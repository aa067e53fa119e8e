"""Floor 2: the events of the log and their one-line form. Writing them anywhere is the sinks'."""
