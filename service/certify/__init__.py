"""`hadua certify`: which rates and latencies this machine holds, measured and written down."""
