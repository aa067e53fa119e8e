"""Side by side in one run: the bare server, PgBouncer and Sluice. Ratios of medians; no absolute time is worth quoting."""
