"""How well sensitive values and columns are told from all else, on made-up data whose makers know nothing of the detectors."""
