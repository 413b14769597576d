"""All of a person that a fit learns from, read from their calibration's folder."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hadua.calibration.collected import Collected, Header, WindowFile
from hadua.calibration.plan import MOST
from hadua.calibration.stored_labels import read_labels, told_of
from hadua.calibration.stored_session import WINDOWS, read_prior, read_session
from hadua.calibration.windows import IntArray
from hadua.models.bundle import Bundle, Normalisation
from hadua.models.features import Modality


@dataclass(frozen=True, slots=True, eq=False)
class FitData:
    """Whose windows, and what is known of them.

    Args:
        participant: Pseudonym, or a ticket in its place.
        collected: Windows as measured.
        prior: What they were normalised by when they were served.
        refused: How many windows did not count, by reason.
        told: `(n,)` class that somebody has told of each window, or `UNTOLD`.
    """

    participant: str
    collected: Collected
    prior: Mapping[Modality, Normalisation]
    refused: Mapping[str, int]
    told: IntArray


def read_fit_data(folder: Path, bundle: Bundle) -> FitData:
    """What is in a calibration's folder.

    Raises:
        CalibrationError, ProfileError: it is not there, damaged, or of another bundle.
    """
    session = read_session(folder)
    header = Header.of(bundle, participant=session.participant)
    collected = WindowFile(folder / WINDOWS, header, most=MOST).read()
    labels = read_labels(folder, n_classes=len(bundle.classes))
    return FitData(
        session.participant,
        collected,
        read_prior(folder, bundle),
        {str(reason): n for reason, n in session.refused.items()},
        told_of(labels, collected.end_s),
    )
