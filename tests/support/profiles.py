"""Profiles of random weights for tests, of a bundle that is there."""

from dataclasses import replace

import numpy as np
import torch

from hadua.calibration.profile import Profile, Provenance
from hadua.calibration.report import Report
from hadua.calibration.store import ProfileStore
from hadua.models.bundle import Bundle, Normalisation
from hadua.models.export import load_network
from hadua.models.manifest import ONNX
from hadua.models.personal import exported

PERSON = "P01"
AT_UNIX = 1.7e9


def profile_of(
    bundle: Bundle, *, version: int = 1, parent: int = 0, participant: str = PERSON, seed: int = 0
) -> Profile:
    """A profile whose weights tell version and seed; its model is the bundle's own."""
    rng = np.random.default_rng((seed, version))
    return Profile(
        participant=participant,
        version=version,
        parent=parent,
        bundle_id=bundle.id,
        bundle_digest=bundle.digest,
        weights={"classifier.3.bias": rng.standard_normal(3).astype(np.float32)},
        model=bundle.read(ONNX),
        normalisation={
            m: Normalisation(
                rng.standard_normal(len(spec.names)), 0.5 + rng.random(len(spec.names))
            )
            for m, spec in bundle.specs.items()
        },
        n_seen=100 * version,
        made=Provenance(
            "calibration",
            seed,
            {"rate": 3e-4, "source_free": False},
            Report(100, windows_refused={"quality": 3}, balance={"neutral": 1.0}),
        ),
    )


def own_profile(bundle: Bundle, *, version: int = 1, participant: str = PERSON) -> Profile:
    """A profile whose network, and not only its normalisation, answers otherwise than another."""
    network = load_network(bundle)
    own = network.state_dict()["classifier.3.weight"]
    rng = np.random.default_rng(version)
    own += torch.from_numpy(rng.standard_normal(tuple(own.shape)).astype(np.float32))
    weights = {"classifier.3.weight": own.detach().numpy().copy()}
    profile = profile_of(bundle, version=version, parent=version - 1, participant=participant)
    return replace(profile, weights=weights, model=exported(network))


def grow(store: ProfileStore, bundle: Bundle, *, versions: int, participant: str = PERSON) -> None:
    """Save and activate so many versions, each the child of the one before."""
    for version in range(1, versions + 1):
        profile = profile_of(bundle, version=version, parent=version - 1, participant=participant)
        store.save(profile, at_unix=AT_UNIX + version)
        store.activate(participant, version, bundle=bundle, at_unix=AT_UNIX + version)
