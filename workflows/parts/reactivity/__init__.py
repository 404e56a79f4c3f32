"""What phases in contact react to."""
