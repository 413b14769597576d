"""Everything from a device or a file to feature windows."""
