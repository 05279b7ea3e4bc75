"""The addresses by which this machine is reached, and codes that lead phones to one."""

import ipaddress
import socket
import urllib.parse

import ifaddr
import segno


def own_addresses():
    """The machine's IP addresses without those of loopback, IPv4 first: `ipaddress` objects."""
    found = set()
    for adapter in ifaddr.get_adapters():
        for entry in adapter.ips:
            address = ipaddress.ip_address(entry.ip if entry.is_IPv4 else entry.ip[0])
            if not (address.is_loopback or address.is_link_local):
                found.add(address)
    return sorted(found, key=lambda address: (address.version, address))


def own_names():
    """The names by which other machines of a home network may know this one."""
    name = socket.gethostname().split(".")[0]
    return ["localhost", name, f"{name}.local"]


def page_address(settings):
    """The page's address for other machines, or for this one where it listens on loopback."""
    host = ipaddress.ip_address(settings.host)
    if host.is_unspecified:
        reachable = [a for a in own_addresses() if a.version in (4, host.version)]
        host = reachable[0] if reachable else ipaddress.ip_address("127.0.0.1")
    text = f"[{host}]" if host.version == 6 else str(host)
    scheme = "https" if settings.https else "http"
    return f"{scheme}://{text}:{settings.http_port}/"


def code(settings, with_key):
    """A QR code of the page's address; with the key in it, the page is unlocked by it.

    Browsers send what follows the "#" to nobody.

    Returns:
        segno.QRCode: to be drawn by its methods.
    """
    address = page_address(settings)
    if with_key and settings.key:
        address += "#" + urllib.parse.urlencode({"key": settings.key})
    return segno.make(address, error="m", micro=False)
