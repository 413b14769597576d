"""What the network is, what it eats, how it is stored and run."""
