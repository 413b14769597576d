"""Beyond one machine: work shared out over the nodes of a Ray cluster."""
