"""What a booth tells its pool of itself: counts and states, and nothing of anybody's signals."""

from hadua.service.service import Service


def own_word(service: Service) -> dict[str, object]:
    """The heartbeat's body, but for the booth's name; asked for by the thread of the looks."""
    link = service.booth.link if service.booth is not None else None
    running = [s for s in list(service.sessions.all()) if not s.state.over]
    return {
        "version": service.version,
        "bundle": service.bundle.id,
        "sessions": len(running),
        "predictions": sum(s.publisher.predictions for s in running),
        "pool": f"{link.state}" if link else "",
        "outcomes": {str(k): n for k, n in link.counts().items()} if link else {},
    }
