"""Takes events: verified, stored before they are answered."""
