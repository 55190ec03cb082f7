"""What the home is told, and what is known of it."""
