"""Runs the whole of Paybell on one machine: the database, both services and the sandbox, and leaves nothing behind."""
