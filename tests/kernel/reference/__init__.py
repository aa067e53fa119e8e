"""The kernel once more, in plain Python: slow, readable, written from PostgreSQL's manual and from what each mask promises.

It shares no code with the kernel and, where that is possible, no method: decimals are `Decimal`, days are counted by Julian
day numbers, keys are the standard library's `hmac`. Properties hold the two to each other.
"""
