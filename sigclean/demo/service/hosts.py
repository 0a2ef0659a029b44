"""Names and addresses: whom the page answers as, and whom it counts as a client."""

import ipaddress
import os
import socket
from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from sigclean.demo.service.problems import RefusedError

LOCAL = ("localhost", "*.localhost")
PRIVATE_NETWORKS = (
    "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,::1/128,fc00::/7"
)
TRUSTED = "FORWARDED_ALLOW_IPS"  # uvicorn's own variable
FOREIGN = (
    "This page does not answer to this name: whoever runs it can allow the name by SIGCLEAN_HOSTS."
)


def trust_proxies(environment: Mapping[str, str]) -> str | None:
    """The proxies to trust where nobody has said, as uvicorn's variable takes them: on a Space
    those of its own network, elsewhere (None) uvicorn's default, this computer."""
    if TRUSTED not in environment and "SPACE_ID" in environment:
        return PRIVATE_NETWORKS
    return None


def own_names(environment: Mapping[str, str] = os.environ, *listens_at: str | None) -> set[str]:
    """The host names that are answered: this computer's, the Space's, and those configured.

    Args:
        listens_at: names of the address on which the page listens.
    """
    configured = environment.get("SIGCLEAN_HOSTS", "").split(",")
    space = environment.get("SPACE_HOST", "").split(",")
    computer = socket.gethostname()
    names = (*LOCAL, computer, f"{computer}.local", *configured, *space, *listens_at)
    return {name.strip().lower() for name in names if name and name.strip()}


class OwnHosts:
    """ASGI middleware that answers only to its own names, and to addresses.

    Another site's name that is made to point here (DNS rebinding) would let that site's scripts
    read what the page answers. An address cannot be made to point elsewhere.
    """

    def __init__(self, app: ASGIApp, names: set[str]) -> None:
        self.app, self.names = app, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the request, or answer it with 421."""
        if scope["type"] in ("http", "websocket"):
            headers = Headers(scope=scope)
            asked = [headers.get("host", ""), *headers.getlist("x-forwarded-host")]
            hosts = [host for value in asked for host in value.split(",")]
            if not all(self._is_own(name_of(host)) for host in hosts):
                await RefusedError(421, FOREIGN).response()(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _is_own(self, name: str) -> bool:
        if not name or name in self.names or "*" in self.names or _is_address(name):
            return True
        parents = name.split(".")[1:]
        return any(f"*.{'.'.join(parents[n:])}" in self.names for n in range(len(parents)))


class LastForwarded:
    """ASGI middleware that takes the last address of X-Forwarded-For: that of the nearest proxy.

    For FORWARDED_ALLOW_IPS=*, where uvicorn takes the first one, which a client can invent.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on the request with the client's address."""
        if scope["type"] == "http":
            forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
            if last := name_of(forwarded.rpartition(",")[2]):
                scope["client"] = (last, 0)
        await self.app(scope, receive, send)


def name_of(host: str) -> str:
    """The name or address in a Host header, without port, brackets and final dot, in lower case."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit() and ":" not in name:
        host = name
    return host.rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
