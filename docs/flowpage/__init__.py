"""Writes docs/flows.md: what every flow says, rendered as the service renders it. ``python -m docs.flowpage`` (``make docs``)."""
