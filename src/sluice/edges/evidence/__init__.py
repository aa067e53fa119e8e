"""What makes the log on disk provable: its tree in tiles, signed checkpoints, proofs, witnesses."""
