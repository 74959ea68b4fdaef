"""Folds events into facts and concerns."""
