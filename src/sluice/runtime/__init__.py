"""Floor 5: the only event loop. It moves bytes, performs effects and keeps time; it decides nothing."""
