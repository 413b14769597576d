"""`hadua doctor`: what would keep a session from running here, and what to do about it."""
