"""Floor 1: what a statement does, for any dialect. Text in, `Span` out, by way of a small relational IR."""
