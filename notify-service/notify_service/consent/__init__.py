"""Who may be written to, and the proof of it."""
