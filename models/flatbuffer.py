"""Writes flatbuffers without their schema: enough for the formats whose packages are huge."""

import dataclasses
import struct


@dataclasses.dataclass(frozen=True)
class Scalar:
    """A field in the table itself; `form` as in struct, of four bytes at most."""

    form: str
    value: int | float


@dataclasses.dataclass(frozen=True)
class Table:
    """Fields by number. Values that are not scalars are written after the table, which holds their
    distance."""

    fields: dict[int, "Scalar | Table | list[Table] | list[int] | str | bytes"]


class Writer:
    def __init__(self) -> None:
        self.bytes = bytearray()

    def align(self, size: int, after: int = 0) -> None:
        """Pads so that the position `after` bytes from here is a multiple of the size."""
        self.bytes += bytes(-(len(self.bytes) + after) % size)

    def point(self, where: int, target: int) -> None:
        struct.pack_into("<I", self.bytes, where, target - where)

    def write(self, value) -> int:
        """The position at which the value begins."""
        if isinstance(value, Table):
            return self.write_table(value)
        if isinstance(value, str):
            text = value.encode()
            return self.write_vector(len(text), text + b"\0")
        if isinstance(value, bytes):
            return self.write_vector(len(value), value)
        if value and isinstance(value[0], Table):
            begin = self.write_vector(len(value), bytes(4 * len(value)))
            for number, table in enumerate(value):
                self.point(begin + 4 + 4 * number, self.write(table))
            return begin
        return self.write_vector(len(value), struct.pack(f"<{len(value)}i", *value))

    def write_vector(self, count: int, content: bytes) -> int:
        self.align(16, after=4)  # what tensors need
        begin = len(self.bytes)
        self.bytes += struct.pack("<I", count) + content
        return begin

    def write_table(self, table: Table) -> int:
        """Four bytes a field, after a table of their places."""
        slots = max(table.fields, default=-1) + 1
        places = [0] * slots
        for index, number in enumerate(table.fields):
            places[number] = 4 + 4 * index
        size = 4 + 4 * len(table.fields)
        self.align(4)
        places_begin = len(self.bytes)
        self.bytes += struct.pack(f"<{2 + slots}H", 4 + 2 * slots, size, *places)
        self.align(4)
        begin = len(self.bytes)
        self.bytes += struct.pack("<i", begin - places_begin) + bytes(size - 4)
        for number, value in table.fields.items():
            where = begin + places[number]
            if isinstance(value, Scalar):
                struct.pack_into("<" + value.form, self.bytes, where, value.value)
            else:
                self.point(where, self.write(value))
        return begin


def flatbuffer(root: Table, identifier: bytes) -> bytes:
    writer = Writer()
    writer.bytes += bytes(4) + identifier
    writer.point(0, writer.write(root))
    return bytes(writer.bytes)
