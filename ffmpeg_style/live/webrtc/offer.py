"""SDP offers of clients, before aiortc sees them."""

from aiortc import RTCSessionDescription

from ffmpeg_style.errors import InputError

MAX_SIZE = 32768
"""Bytes of an offer. Browsers' have some 6,000."""
MAX_MEDIA = 4
MAX_MID = 16
"""ASCII characters of a medium's name, which each packet has room for. Browsers' have one."""
_NEEDED = ("a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:")
_IGNORED = ("a=candidate:", "a=end-of-candidates", "a=ice-options:", "a=ice-lite")


def read_offer(data):
    """The offer of a client, without the addresses that it names.

    The server sends nothing to an address that stands in an offer: it learns a client's address
    from the checks that the client sends, as ICE has it for peers behind translators.

    Args:
        data: bytes.

    Returns:
        RTCSessionDescription: for `RTCPeerConnection.setRemoteDescription`.

    Raises:
        InputError: it can't be an offer.
    """
    if len(data) > MAX_SIZE:
        raise InputError(f"expected an offer of at most {MAX_SIZE} bytes")
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InputError("expected an SDP offer as UTF-8") from error
    media = [line for line in lines if line.startswith("m=")]
    is_media = all(line.startswith(("m=audio ", "m=video ")) for line in media)
    if not lines or lines[0] != "v=0" or not is_media or not 1 <= len(media) <= MAX_MEDIA:
        raise InputError("expected an SDP offer of sound and picture")
    for needed in _NEEDED:
        if not any(line.startswith(needed) for line in lines):
            raise InputError(f"expected an SDP offer with a line {needed}...")
    mids = [line.removeprefix("a=mid:") for line in lines if line.startswith("a=mid:")]
    if not all(mid.isascii() and len(mid) <= MAX_MID for mid in mids):
        raise InputError(f"expected an SDP offer with names of at most {MAX_MID} ASCII characters")
    kept = [line for line in lines if not line.startswith(_IGNORED)]
    return RTCSessionDescription("\r\n".join(kept) + "\r\n", "offer")
