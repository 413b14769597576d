"""Make `.overlay/hadua/{service,models,...}`: links that let mypy and editors see the packages."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OVERLAY = ROOT / ".overlay" / "hadua"

OVERLAY.mkdir(parents=True, exist_ok=True)
for name in ("service", "models", "adapters", "calibration"):
    link = OVERLAY / name
    if not link.exists():
        link.symlink_to(ROOT / name, target_is_directory=True)
