"""What one calculation says, as typed documents, and when two of them may be compared."""
