"""What runs inside the cage's child only: nothing here is imported by web or worker processes."""
