"""Pictures, comparisons of methods, and their HTML page."""
