"""Why the online loop does not learn from a window; apart from the loop, which needs torch."""

NOTHING_MEASURED, POOR_QUALITY, FROZEN = "nothing measured", "poor quality", "frozen"
