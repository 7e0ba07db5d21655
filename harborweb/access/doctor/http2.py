"""Does HTTP/2 work where it is offered? docker takes it whenever the TLS handshake offers it.

The smallest exchange that RFC 9113 allows: preface, SETTINGS, one HEADERS frame with literal fields (RFC 7541), and
from the answer the status alone.
"""

import asyncio
import struct

from harborweb.access.doctor.certificates import without_check
from harborweb.access.doctor.seen import Http2

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, GOAWAY = 0, 1, 3, 4, 7
END_STREAM, END_HEADERS, ACK = 1, 4, 1
_STATUSES = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}  # static table, RFC 7541 appendix A
FRAMES = 40  # read at most


async def ping(address: str, port: int, name: str, host: str, seconds: float) -> Http2:
    """Ask for /v2/ over HTTP/2; raises nothing."""
    context = without_check()
    context.set_alpn_protocols(["h2"])
    writer = None
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=name)
            if writer.get_extra_info("ssl_object").selected_alpn_protocol() != "h2":
                return Http2()
            fields = _literal(b":authority", host.encode()) + _literal(b"user-agent", b"docker/28 harborweb-doctor")
            head = b"\x82\x87" + _literal(b":path", b"/v2/") + fields  # GET, https
            writer.write(PREFACE + _frame(SETTINGS, 0, 0) + _frame(HEADERS, END_HEADERS | END_STREAM, 1, head))
            await writer.drain()
            return Http2(True, await _status(reader, writer))
    except (OSError, TimeoutError, EOFError, ValueError, IndexError, struct.error) as error:
        return Http2(True, 0, str(error)[:200] or type(error).__name__)
    finally:
        if writer is not None:
            writer.transport.abort()


async def _status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    for _number in range(FRAMES):
        head = await reader.readexactly(9)
        length, kind, flags = int.from_bytes(head[:3], "big"), head[3], head[4]
        if length > 64 * 1024 or kind > 0x0C:
            raise ValueError(f"no frame of HTTP/2: {head!r}")
        content = await reader.readexactly(length)
        if kind == SETTINGS and not flags & ACK:
            writer.write(_frame(SETTINGS, ACK, 0))
        elif kind == HEADERS:
            return _read_status(content[1 : -content[0] or None] if flags & 0x08 else content)
        elif kind in {RESET, GOAWAY}:
            code = struct.unpack(">I", content[-4:] if kind == RESET else content[4:8])[0]
            raise ValueError(f"the stream was ended with error {code}")
    raise ValueError("no answer within 40 frames")


def _read_status(block: bytes) -> int:
    """The :status of a header block; it comes first. 0 where it is written in a way that is not known here."""
    while block and block[0] & 0xE0 == 0x20:  # a change of the table's size
        block = block[1:]
    if not block:
        return 0
    if block[0] & 0x80:
        return _STATUSES.get(block[0] & 0x7F, 0)
    if block[0] & 0x0F == 8 or block[0] & 0x3F == 8:  # literal value of the name at index 8, :status
        coded, length = block[1] & 0x80, block[1] & 0x7F
        value = block[2 : 2 + length]
        text = _digits(value) if coded else value.decode("latin-1")
        return int(text) if text.isascii() and text.isdigit() and len(text) == 3 else 0
    return 0


def _digits(data: bytes) -> str:
    """Three digits in the Huffman code: 0 to 2 have five bits, 3 to 9 six from 011001 (RFC 7541 appendix B)."""
    bits = "".join(f"{byte:08b}" for byte in data)
    found = ""
    while len(found) < 3 and len(bits) >= 5:
        if bits[:5] in {"00000", "00001", "00010"}:
            found, bits = found + str(int(bits[:5], 2)), bits[5:]
        else:
            found, bits = found + str(int(bits[:6], 2) - 0x19 + 3), bits[6:]
    return found


def _literal(name: bytes, value: bytes) -> bytes:
    """A header field that is put in no table, neither name nor value coded."""
    return b"\x00" + bytes([len(name)]) + name + bytes([min(len(value), 126)]) + value[:126]


def _frame(kind: int, flags: int, stream: int, content: bytes = b"") -> bytes:
    return len(content).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + content
