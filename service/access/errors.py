"""Why somebody is turned away."""

from typing import ClassVar

from hadua.models.errors import HaduaError


class TokenMissingError(HaduaError):
    """The service wants to know who asks."""

    code: ClassVar[str] = "token-missing"


class TokenRefusedError(HaduaError):
    """A token, or ticket, that is not one of this service's, or not any more."""

    code: ClassVar[str] = "token-refused"


class RoleTooLowError(HaduaError):
    """Somebody who is known asks for what they may not do."""

    code: ClassVar[str] = "role-too-low"


class TooManyRequestsError(HaduaError):
    """One address asks too often."""

    code: ClassVar[str] = "too-many-requests"


class HostRefusedError(HaduaError):
    """A request that was sent to a name which is not ours."""

    code: ClassVar[str] = "host-refused"


class OriginRefusedError(HaduaError):
    """A page from elsewhere asks."""

    code: ClassVar[str] = "origin-refused"


class TokenExistsError(HaduaError):
    """A token of this name is in force."""

    code: ClassVar[str] = "token-exists"


class TokenUnknownError(HaduaError):
    """No token in force has this name."""

    code: ClassVar[str] = "token-unknown"
