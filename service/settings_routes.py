"""The settings in force, as an admin may see them: a page shows what the service was told."""

from pathlib import Path

import msgspec
from fastapi import APIRouter
from pydantic.fields import FieldInfo
from starlette.responses import Response

from hadua.service.access.roles import Role, needs
from hadua.service.config import ENV_PREFIX, Settings
from hadua.service.openapi import answers
from hadua.service.rest import Asked, answer, api_router

router: APIRouter = api_router("settings")
Value = bool | int | float | str | tuple[str, ...] | None


class SettingInForce(msgspec.Struct, frozen=True, kw_only=True):
    """One setting. A secret one says whether it `is_set`, and never its value, which is null."""

    key: str
    variable: str
    description: str
    value: Value
    default: Value
    secret: bool
    is_set: bool


class SettingsInForce(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting of the service, in the order of docs/settings.md."""

    settings: tuple[SettingInForce, ...]


@router.get("/settings", responses=answers(SettingsInForce), openapi_extra=needs(Role.ADMIN))
async def get_settings(asked: Asked) -> Response:
    """Every setting with its value, default and description; `is_set` where the two differ."""
    return answer(in_force(asked.settings))


def in_force(settings: Settings) -> SettingsInForce:
    """What a service was told; fields that are left out of its `repr` are secret."""
    return SettingsInForce(
        settings=tuple(
            _shown(key, field, getattr(settings, key))
            for key, field in Settings.model_fields.items()
        )
    )


def _shown(key: str, field: FieldInfo, value: object) -> SettingInForce:
    secret = not field.repr
    return SettingInForce(
        key=key,
        variable=f"{ENV_PREFIX}{key.upper()}",
        description=field.description or "",
        value=None if secret else _plain(value),
        default=_plain(field.default),
        secret=secret,
        is_set=value != field.default,
    )


def _plain(value: object) -> Value:
    if isinstance(value, tuple):
        return tuple(str(each) for each in value)
    if isinstance(value, Path):
        return str(value)
    return value if isinstance(value, bool | int | float | str) else None
