"""The tests of Paybell."""
