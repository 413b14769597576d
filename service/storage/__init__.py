"""What the service keeps: people, consent, sessions, what was said, and who did what."""
