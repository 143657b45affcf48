"""Draws pictures in several sizes with a latent diffusion pipeline, and prints the cost of each
size.

usage: pictures.py MODELS OUT WIDTHxHEIGHT…

MODELS holds text_encoder.xml, unet.xml and vae_decoder.xml. U-Net and decoder are reshaped and
compiled for each size: static shapes are faster. larder stores each size, and the weights once.
"""

import larder  # before openvino

larder.install()  # the settings are LARDER_DIR, LARDER_MODE, …

import argparse
import pathlib
import time

import numpy as np
import openvino as ov

DEVICE = "CPU"
PROMPT = "a larder full of models"
STEPS = 4
GUIDANCE = 7.5
LATENT_CHANNELS = 4
LATENT_SCALE = 8  # pixels for each element of the latent, in both directions
TEXT_LENGTH = 77


class Pipeline:
    def __init__(self, models: pathlib.Path) -> None:
        self.core = ov.Core()
        self.models = models
        # The same for every size.
        self.text_encoder = self.compile("text_encoder", {"input_ids": [2, TEXT_LENGTH]})
        self.text_width = self.text_encoder.output().shape[-1]

    def compile(self, name: str, shapes: dict[str, list[int]]) -> ov.CompiledModel:
        start = time.perf_counter()
        model = self.core.read_model(self.models / f"{name}.xml")
        model.reshape(shapes)
        compiled = self.core.compile_model(model, DEVICE)
        how = "loaded" if compiled.get_property("LOADED_FROM_CACHE") else "compiled"
        print(f"  {name} {how} in {time.perf_counter() - start:.2f} s")
        return compiled

    def resize(self, width: int, height: int) -> None:
        latent = [LATENT_CHANNELS, height // LATENT_SCALE, width // LATENT_SCALE]
        # Two at once: with the prompt, and without.
        self.unet = self.compile("unet", {
            "sample": [2, *latent], "timestep": [1],
            "encoder_hidden_states": [2, TEXT_LENGTH, self.text_width]})
        self.vae_decoder = self.compile("vae_decoder", {"latent_sample": [1, *latent]})

    def draw(self, prompt: str) -> np.ndarray:
        """Red, green and blue of each pixel, in the size of the last `resize`."""
        text = self.text_encoder([tokens_of("", prompt)])[0]
        shape = self.vae_decoder.input().shape
        latent = np.random.default_rng(0).standard_normal(shape, np.float32)
        for timestep in np.linspace(999, 0, STEPS, dtype=np.float32):
            without, prompted = self.unet([np.repeat(latent, 2, 0), [timestep], text])[0]
            latent -= (without + GUIDANCE * (prompted - without)) / STEPS
        [picture] = self.vae_decoder([latent])[0]
        return ((picture.transpose(1, 2, 0) + 1) * 127.5).astype(np.uint8)


def tokens_of(*prompts: str) -> np.ndarray:
    """Bytes, in place of a tokenizer: the networks have random weights."""
    return np.array([list(prompt.encode()[:TEXT_LENGTH].ljust(TEXT_LENGTH)) for prompt in prompts],
                    np.int64)


def write_ppm(path: pathlib.Path, picture: np.ndarray) -> None:
    height, width, _ = picture.shape
    path.write_bytes(b"P6 %d %d 255\n" % (width, height) + picture.tobytes())


def print_larder() -> None:
    listing = larder.Cache().ls(sort="created")
    print("the larder holds, in bytes, and in bytes that no other entry shares:")
    for entry in listing["entries"]:
        print(f"  {entry['model']:<14}{entry['bytes']:>12,}{entry['unique_bytes']:>12,}")
    print(f"  in all {listing['total_bytes']:,} bytes on disk")


def size_of(text: str) -> tuple[int, int]:
    width, height = (int(number) for number in text.split("x"))
    if width % LATENT_SCALE or height % LATENT_SCALE or width <= 0 or height <= 0:
        raise ValueError(text)
    return width, height


def main() -> None:
    parser = argparse.ArgumentParser(description="Draws pictures in several sizes.")
    parser.add_argument("models", type=pathlib.Path, metavar="MODELS")
    parser.add_argument("out", type=pathlib.Path, metavar="OUT", help="a folder for the pictures")
    parser.add_argument("sizes", type=size_of, nargs="+", metavar="WIDTHxHEIGHT",
                        help=f"in pixels, multiples of {LATENT_SCALE}")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    print("every size:")
    pipeline = Pipeline(arguments.models)
    for width, height in arguments.sizes:
        print(f"{width}x{height}:")
        pipeline.resize(width, height)
        start = time.perf_counter()
        picture = pipeline.draw(PROMPT)
        print(f"  drawn in {time.perf_counter() - start:.2f} s")
        write_ppm(arguments.out / f"{width}x{height}.ppm", picture)
    print_larder()


if __name__ == "__main__":
    main()
