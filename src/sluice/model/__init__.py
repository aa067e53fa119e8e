"""Floor 0: frozen values that every other floor speaks in. Imports nothing of Sluice."""
