"""`make demo`: a sample company, a gateway before its database, and a tour of what four identities see."""
