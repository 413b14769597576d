"""Training a bundle: what data it may come from, the run, and what the bundle says of it."""
