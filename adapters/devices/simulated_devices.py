"""All imitated devices by the names of their presets."""

from collections.abc import Mapping
from types import MappingProxyType

from hadua.adapters.devices.preset_library import GENERIC
from hadua.adapters.devices.simulated import SimulatedChannel, SimulatedDevice, SimulatedOutlet
from hadua.adapters.devices.simulated_eeg import EEG_DEVICES, electrode
from hadua.adapters.devices.simulated_gaze import GAZE_DEVICES
from hadua.models.errors import UsageError

_ELECTRODES = ("Fp1", "Fp2", "F3", "Fz", "F4", "T3", "C3", "Cz", "C4", "T4", "Pz", "O1", "O2")


def _generic() -> SimulatedDevice:
    """A device of which nothing is known, that describes itself well, in millivolts."""
    channels = tuple(
        SimulatedChannel(
            {"label": f"EEG {label}-REF", "type": "EEG", "unit": "mV"}, electrode(i, times=1e-3)
        )
        for i, label in enumerate(_ELECTRODES)
    )
    outlet = SimulatedOutlet("MyAmplifier", "EEG", channels, 200.0, 200.0, "serial-1", chunk=5)
    return SimulatedDevice(GENERIC, outlet, "lsl:name=MyAmplifier", dict(enumerate(_ELECTRODES)))


SIMULATED_DEVICES: Mapping[str, SimulatedDevice] = MappingProxyType(
    {d.preset: d for d in (_generic(), *EEG_DEVICES, *GAZE_DEVICES)}
)


def simulated_device(name: str) -> SimulatedDevice:
    """The imitation of a preset's device.

    Raises:
        UsageError: there is no such preset.
    """
    try:
        return SIMULATED_DEVICES[name.lower()]
    except KeyError:
        raise UsageError(
            f"simulated device {name!r}",
            got="a name that is not known",
            expected=", ".join(sorted(SIMULATED_DEVICES)),
        ) from None
