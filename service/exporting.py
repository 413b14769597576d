"""A bundle from a bundle: exported anew, compared with the network, under other words."""

from importlib.metadata import version

from hadua.models.bundle import Bundle, load_bundle
from hadua.models.errors import BundleError
from hadua.models.export import export_bundle, load_network
from hadua.models.manifest import CARD
from hadua.service.bundle_card import describe, with_licence
from hadua.service.export_requests import ReexportRequest


def reexport(request: ReexportRequest) -> Bundle:
    """Write the new bundle; the weights, and what adapts without source windows, stay as they are.

    Raises:
        UsageError: a name, version or licence that cannot be.
        BundleError: the bundle is not whole, its exports differ from its network, or `out` is
            taken.
    """
    old = load_bundle(request.bundle)
    given = {
        key: value
        for key in ("name", "version", "licence", "data_licence")
        if (value := getattr(request, key)) is not None
    }
    kept = old.manifest.model_dump(exclude={"files", "format_version", "provenance"})
    provenance = {**old.manifest.provenance, **_provenance(old)}
    description = describe(**{**kept, **given, "provenance": provenance})
    card = with_licence(
        _card(old) if request.card is None else request.card,
        licence=description.licence,
        data_licence=description.data_licence,
    )
    return export_bundle(
        load_network(old),
        path=request.out,
        description=description,
        card=card,
        source_statistics=old.source_statistics(),
        check_set=old.check_set(),
        replace=request.replace and request.out.exists(),
    )


def _provenance(old: Bundle) -> dict[str, str]:
    return {
        "exported from": old.id,
        **{f"version of {name} at export": version(name) for name in ("hadua", "torch")},
    }


def _card(bundle: Bundle) -> str:
    try:
        return bundle.read(CARD).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BundleError(
            f"bundle {str(bundle.path)!r}: {CARD!r} is not UTF-8 text",
            hint="Give a card with --card.",
        ) from error
