"""PostgreSQL: frontend/backend protocol 3.0 and 3.2 (https://www.postgresql.org/docs/current/protocol.html)."""
