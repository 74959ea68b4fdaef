"""What callers are told later."""
