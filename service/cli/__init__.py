"""The commands `hadua-serve` and `hadua`."""

import os

# Matrices here are small: a second thread saves little, and where cores are busy each product waits
# milliseconds for it. numpy reads this when it is imported; torch has a figure of its own.
if "OMP_NUM_THREADS" not in os.environ:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
