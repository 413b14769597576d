"""Every answer that a test gets is one that `/openapi.json` knows of."""

import re
from collections.abc import Mapping

import httpx


class Documented:
    """Compares answers with the OpenAPI document of the service that gave them.

    Args:
        document: As `/openapi.json` gives it.
    """

    def __init__(self, document: Mapping[str, Mapping[str, Mapping[str, object]]]) -> None:
        self._operations = [
            (re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), operations)
            for path, operations in document["paths"].items()
        ]

    async def __call__(self, response: httpx.Response) -> None:
        """Fail on a status, or a kind of content, that is not documented."""
        method, path = response.request.method.lower(), response.request.url.path
        operation = self._operation(method, path)
        if operation is None:
            assert response.status_code in (403, 404, 405, 200), (method, path, response)
            return
        known = operation["responses"]
        assert isinstance(known, dict)
        status = str(response.status_code)
        assert status in known or status == "500", f"{method} {path}: {status} is not documented"
        if status != "500":
            kind = response.headers["content-type"].partition(";")[0]
            assert kind in known[status]["content"], f"{method} {path}: {status} is {kind}"

    def _operation(self, method: str, path: str) -> Mapping[str, object] | None:
        for pattern, operations in self._operations:
            if pattern.fullmatch(path) and method in operations:
                found = operations[method]
                assert isinstance(found, Mapping)
                return found
        return None
