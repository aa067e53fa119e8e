"""Floor 2: one folder per database. Bytes become the events of the waist, and back; no policy, no I/O."""
