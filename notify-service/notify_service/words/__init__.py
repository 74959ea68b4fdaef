"""What is said: templates, formatting, counting."""
