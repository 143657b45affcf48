"""Writes protobuf messages without their schema: enough for the formats whose packages are huge."""

Value = int | str | bytes


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative numbers are written in two's complement
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def message(*fields: tuple[int, Value]) -> bytes:
    """Fields by number: an integer, a string, or the bytes of a message inside."""
    written = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            written += varint(number << 3) + varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            written += varint(number << 3 | 2) + varint(len(value)) + value
    return bytes(written)
