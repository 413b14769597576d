"""Whether this installation can learn: serving does without what learning needs."""

from importlib.util import find_spec

from hadua.models.errors import CalibrationError

PACKAGES = ("torch", "onnx")


def require_packages() -> None:
    """Say what is missing before anybody sits through a calibration.

    Raises:
        CalibrationError: a package that learning needs is not installed.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise CalibrationError(
            "this installation serves, but does not learn",
            got=f"no package {' and no package '.join(map(repr, missing))}",
            expected=" and ".join(PACKAGES),
            hint="End the service, pip install torch==2.13.0, then 'hadua[cpu,train]' (docs: "
            "handbook, Calibrate), and start it again.",
        )
