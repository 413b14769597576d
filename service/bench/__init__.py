"""The benchmark suite: what is fast here, how fast, and against what, measured in the same run."""
