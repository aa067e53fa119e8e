"""Real servers and conformance suites for tests and demonstrations."""
