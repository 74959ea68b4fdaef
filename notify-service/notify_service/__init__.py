"""Owns consent, words and delivery through Twilio."""
