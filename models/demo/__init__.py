"""The demo bundle: trained on the simulator, scientifically meaningless, and says so."""
