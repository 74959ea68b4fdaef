"""Calls of webhooks: stored with what decided them, signed, repeated until they are answered."""
