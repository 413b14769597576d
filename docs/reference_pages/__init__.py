"""The pages of the reference, written from the code whenever the site is built."""

from hadua.service.app import create_app
from hadua.service.asyncapi import document
from hadua.service.service import Service
from reference_pages.commands import commands_page
from reference_pages.frames import frames_page
from reference_pages.metrics import metrics_page
from reference_pages.python import python_page
from reference_pages.rest import rest_page


def pages() -> dict[str, str]:
    """Every generated page: its path in the site's sources, and its Markdown."""
    return {
        "reference/commands.md": commands_page(),
        "reference/rest.md": rest_page(create_app(_never).openapi()),
        "reference/frames.md": frames_page(document()),
        "reference/metrics.md": metrics_page(),
        "reference/python.md": python_page(),
    }


def _never() -> Service:
    raise RuntimeError("the reference describes the service and does not start it")
