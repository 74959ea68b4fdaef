"""Starts, watches and ends what `make run` needs."""
