"""The sorted table of keys and values that TensorFlow keeps the index of a checkpoint in.

It is LevelDB's format (google/leveldb, doc/table_format.md): blocks of entries, an index block with
the place of each, and a footer with the place of the index. Keys share what they begin with, and a
checksum (CRC-32C) follows each block. TensorFlow does not compress the blocks of a checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

MAGIC = (0xDB4775248B80FB57).to_bytes(8, "little")
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5  # how it is compressed, and the checksum
_MASK = 0xA282EAD8  # by which a stored checksum is moved
_POLYNOMIAL = 0x82F63B78  # Castagnoli's, its bits reversed


def entries(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """List keys and values, in the order of the keys.

    Args:
        content: Of a whole table.

    Raises:
        ValueError: If it is none, or damaged.
    """
    if len(content) < _FOOTER_BYTES or not content.endswith(MAGIC):
        raise ValueError("it does not end as a table does")
    footer = content[-_FOOTER_BYTES:]
    _, at = _handle(footer, 0)  # of blocks about the table itself
    index, _ = _handle(footer, at)
    for _, value in _block(content, index):
        place, _ = _handle(value, 0)
        yield from _block(content, place)


def varint(content: bytes, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte, and where it ends.

    >>> varint(bytes([0xAC, 0x02]), 0)
    (300, 2)
    """
    value = 0
    for shift in range(0, 64, 7):
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("it has a number of more than 64 bits")


def _handle(content: bytes, at: int) -> tuple[tuple[int, int], int]:
    """Read the place and size of a block, and where they end."""
    offset, at = varint(content, at)
    size, at = varint(content, at)
    return (offset, size), at


def _block(content: bytes, place: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    """List the entries of a block."""
    offset, size = place
    block = content[offset : offset + size]
    trailer = content[offset + size : offset + size + _TRAILER_BYTES]
    if len(trailer) < _TRAILER_BYTES or size < 4:
        raise ValueError("it has a block that ends behind its end")
    if trailer[0]:
        raise ValueError("it is compressed, as TensorFlow writes no checkpoint")
    stored = (int.from_bytes(trailer[1:], "little") - _MASK) & 0xFFFFFFFF
    if (stored >> 17 | stored << 15) & 0xFFFFFFFF != crc32c(block + trailer[:1]):
        raise ValueError("a checksum in it is wrong")
    restarts = int.from_bytes(block[-4:], "little")
    end = size - 4 * (restarts + 1)
    at, key = 0, b""
    while at < end:
        shared, at = varint(block, at)
        own, at = varint(block, at)
        length, at = varint(block, at)
        if shared > len(key) or at + own + length > end:
            raise ValueError("it has an entry that ends behind its block")
        key = key[:shared] + block[at : at + own]
        yield key, block[at + own : at + own + length]
        at += own + length


@cache
def _remainders() -> tuple[int, ...]:
    """Divide each byte by the polynomial."""
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (_POLYNOMIAL if byte & 1 else 0)
        found.append(byte)
    return tuple(found)


def crc32c(content: bytes) -> int:
    """Compute the checksum of RFC 3720.

    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    remainders, value = _remainders(), 0xFFFFFFFF
    for byte in content:
        value = value >> 8 ^ remainders[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF
