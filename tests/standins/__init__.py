"""Programs that stand in for others in tests."""
