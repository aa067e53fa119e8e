"""Floor 2: what may be done and what may be seen. Labels, Cedar policies, and the one decision per statement; pure."""
