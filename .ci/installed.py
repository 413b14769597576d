"""Every module and data file of the sources is in the installed wheel, and every module imports."""

import sys
import tomllib
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

FOLDERS = ("models", "adapters", "calibration", "service")


def main() -> None:
    root = Path(sys.argv[1])
    modules = [
        ".".join(("hadua", *path.relative_to(root).with_suffix("").parts)).removesuffix(".__init__")
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("*.py"))
    ]
    for name in modules:
        # Alembic alone can run its environment, and only within a migration.
        only_found = name.endswith(".migrations.env")
        place = Path(str(find_spec(name).origin if only_found else import_module(name).__file__))
        if "site-packages" not in place.parts:
            raise SystemExit(f"{name} came from {place}, not from the installed wheel")
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    data = settings["tool"]["setuptools"]["package-data"]
    for package, patterns in data.items():
        source = root / Path(*package.split(".")[1:])
        for path in (p for pattern in patterns for p in source.glob(pattern)):
            name = path.relative_to(source).as_posix()
            if not files(package).joinpath(name).is_file():
                raise SystemExit(f"{package}: {name} is not in the wheel")
    print(f"{len(modules)} modules")


if __name__ == "__main__":
    main()
