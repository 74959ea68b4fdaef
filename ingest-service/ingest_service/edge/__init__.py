"""The doors of the service: HTTP."""
