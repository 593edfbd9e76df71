"""Pictures, pages and comparisons."""
