"""Every parser that is fuzzed, by name."""

from fuzz import http, models, network, people, recordings, told
from fuzz.target import Target

TARGETS: tuple[Target, ...] = (
    *recordings.TARGETS,
    *models.TARGETS,
    *people.TARGETS,
    *told.TARGETS,
    *network.TARGETS,
    *http.TARGETS,
)


def target_named(name: str) -> Target:
    """One of them.

    Raises:
        KeyError: there is none of that name.
    """
    return {target.name: target for target in TARGETS}[name]
