"""Recordings that are written here, in the format of the field (XDF)."""
