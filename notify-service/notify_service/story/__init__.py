"""What is known of a notification, in plain sentences."""
