"""What happens to a job: its record, its worker process, and who is told of it."""
