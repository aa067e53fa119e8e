"""Floor 4: where Sluice touches the world besides databases: identities, logs, secrets, stores."""
