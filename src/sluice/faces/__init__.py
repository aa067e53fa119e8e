"""Floor 6: how people and programs reach Sluice. Thin, with no rules of their own."""
