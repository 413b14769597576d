"""The page of figures at `/metrics`, from their registry."""

from prometheus_client.core import Metric

from hadua.service.metrics import Metrics
from hadua.service.stream_figures import StreamFigures


def metrics_page() -> str:
    """Every metric with its kind, its labels and what it counts."""
    rows = []
    metrics = Metrics()
    for name, metric in sorted((vars(metrics) | vars(metrics.learning)).items()):
        if name in ("registry", "learning"):
            continue
        if isinstance(metric, StreamFigures):  # no labels without streams
            rows += [_row(family, "`modality`") for family in metric.collect()]
            continue
        (family,) = metric.describe()
        # The library tells label names nowhere else before a sample was taken.
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001
        rows.append(_row(family, labels))
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


def _row(family: Metric, labels: str) -> str:
    suffix = "_total" if family.type == "counter" else ""
    return f"| `{family.name}{suffix}` | {family.type} | {labels} | {family.documentation} |"
