"""Floor 3: the session, sans-io. Events in, effects out; it never waits, reads a clock, or touches a socket."""
