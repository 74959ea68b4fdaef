"""Takes requests: from a message on the wire to a stored notification."""
