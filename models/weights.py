"""Random weights: seeded, fast, and without two equal pages."""

import zlib

import numpy as np

# Drawn from a table in pieces: the indices of one piece stay in the processor's cache.
PIECE = 1 << 18


class Weights:
    """Hands out tensors that depend on the seed and on the tensor's name, and on nothing else."""

    def __init__(self, seed: int):
        self.seed = seed

    def generator(self, name: str) -> np.random.Generator:
        sequence = np.random.SeedSequence([self.seed, zlib.crc32(name.encode())])
        return np.random.Generator(np.random.SFC64(sequence))

    def normal(
        self, name: str, shape: list[int], deviation: float, mean: float = 0.0
    ) -> np.ndarray:
        values = self.generator(name).standard_normal(shape, dtype=np.float32)
        values *= np.float32(deviation)
        values += np.float32(mean)
        return values

    def half(self, name: str, shape: list[int], deviation: float) -> np.ndarray:
        """f16 out of 65536 normal values: made in f32 first, it would take thrice the memory."""
        generator = self.generator(name)
        table = (generator.standard_normal(1 << 16) * deviation).astype(np.float16)
        values = np.empty(shape, np.float16)
        flat = values.reshape(-1)
        for begin in range(0, flat.size, PIECE):
            piece = flat[begin : begin + PIECE]
            drawn = generator.integers(0, 1 << 16, piece.size, dtype=np.uint16)
            np.take(table, drawn, out=piece, mode="clip")
        return values

    def raw(self, name: str, count: int) -> np.ndarray:
        """`count` random bytes."""
        return np.frombuffer(self.generator(name).bytes(count), np.uint8).copy()
