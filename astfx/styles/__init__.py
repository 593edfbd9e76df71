"""What is known of a style: its targets, and where they come from."""
