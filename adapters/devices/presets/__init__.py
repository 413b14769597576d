"""Devices, a file each; `hadua.adapters.devices.preset` reads them."""
