"""Steps become frozen requests, and notify's answers become states."""
