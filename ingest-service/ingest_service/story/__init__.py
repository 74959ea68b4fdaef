"""What became of an event, told in plain sentences."""
