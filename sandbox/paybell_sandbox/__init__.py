"""Both vendors and a phone, on one machine, for trying and testing."""
