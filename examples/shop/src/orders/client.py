"""The client."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

from orders.errors import Busy, OrderError, Unanswered, Unreachable

HARMLESS = (Unreachable, Busy)
"""After these, anything may be asked again: nothing was done."""


class Orders:
    """The orders of one shop. Each connection may be silent for `timeout_s` seconds; what may be
    asked again is asked `tries` times, with `pause_s` seconds in between.
    """

    def __init__(
        self,
        host: str,
        port: int = 80,
        *,
        timeout_s: float = 1.0,
        tries: int = 3,
        pause_s: float = 0.05,
    ) -> None:
        self._address = (host, port)
        self._timeout_s = timeout_s
        self._tries = tries
        self._pause_s = pause_s

    def status(self, number: int) -> str:
        """How far an order is. To ask twice does no harm, whatever became of the first time."""
        answer = self._ask("GET", f"/orders/{number}", again=(*HARMLESS, Unanswered))
        return str(answer["status"])

    def place(self, item: str) -> int:
        """Order something; the number of the order. What may have arrived is never sent again:
        nobody wants to pay twice.
        """
        answer = self._ask("POST", "/orders", {"item": item}, again=HARMLESS)
        return int(answer["number"])

    def _ask(
        self,
        method: str,
        path: str,
        content: object = None,
        *,
        again: tuple[type[OrderError], ...],
    ) -> dict[str, Any]:
        for left in reversed(range(self._tries)):
            try:
                return self._ask_once(method, path, content)
            except again:
                if not left:
                    raise
                time.sleep(self._pause_s)
        raise AssertionError("the last one returns or raises")

    def _ask_once(self, method: str, path: str, content: object) -> dict[str, Any]:
        connection = http.client.HTTPConnection(*self._address, timeout=self._timeout_s)
        try:
            try:
                connection.connect()
            except OSError as error:
                raise Unreachable(f"nothing reached the shop: {error}") from error
            try:
                connection.request(method, path, json.dumps(content))
                response = connection.getresponse()
                body = response.read()
            except (OSError, http.client.HTTPException) as error:
                raise Unanswered(f"no whole answer came: {error}") from error
        finally:
            connection.close()
        if response.status == http.client.SERVICE_UNAVAILABLE:
            raise Busy("the shop is busy")
        answer: dict[str, Any] = json.loads(body)
        return answer
