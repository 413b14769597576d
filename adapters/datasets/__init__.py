"""Readers of recordings and data sets."""
