"""Answers from the log: columns kept in step with its lines, and the questions asked of them."""
