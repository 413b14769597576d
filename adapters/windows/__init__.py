"""Windows cut by time, and two modalities brought to one grid."""
