"""The page of figures at `/metrics`, from their registry."""

from hadua.service.metrics import Metrics


def metrics_page() -> str:
    """Every metric with its kind, its labels and what it counts."""
    rows = []
    for name, metric in sorted(vars(Metrics()).items()):
        if name == "registry":
            continue
        (family,) = metric.describe()
        suffix = "_total" if family.type == "counter" else ""
        # The library tells label names nowhere else before a sample was taken.
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001
        rows.append(
            f"| `{family.name}{suffix}` | {family.type} | {labels} | {family.documentation} |"
        )
    return "\n".join(
        [
            "# Metrics",
            "",
            "What `GET /metrics` tells Prometheus. No label carries a participant or a session.",
            "Python's own figures (`python_*`, `process_*`) are not among them.",
            "",
            "| metric | kind | labels | what |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    )
