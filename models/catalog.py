"""Every model by its name."""

import dataclasses
import importlib
import pathlib
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Entry:
    """A model is a folder; `file` is what a caller opens. `builder` is "module:function"."""

    file: str
    builder: str
    summary: str
    is_small: bool = False

    def load_builder(self) -> Callable[[pathlib.Path, int], None]:
        """Imported only now: the family may need packages that the others do not need."""
        module, function = self.builder.split(":")
        return getattr(importlib.import_module(f"models.{module}"), function)


CATALOG = {
    "tiny": Entry("tiny.xml", "small:build_tiny", "a perceptron, a few KB", True),
    "small-1mb": Entry("small-1mb.xml", "small:build_small", "a perceptron, 1 MB", True),
    "onnx-tiny": Entry("onnx-tiny.onnx", "onnx_models:build_tiny", "a perceptron, ONNX", True),
    "onnx-external": Entry(
        "onnx-external.onnx", "onnx_models:build_external", "ONNX with a file of weights", True
    ),
    "tf-tiny": Entry(
        "tf-tiny.pb", "tensorflow_models:build_tiny", "a perceptron, frozen TensorFlow graph", True
    ),
    "paddle-tiny": Entry(
        "paddle-tiny.pdmodel", "paddle_models:build_tiny", "a perceptron, PaddlePaddle", True
    ),
    "tflite-tiny": Entry(
        "tflite-tiny.tflite", "tflite_models:build_tiny", "a perceptron, TensorFlow Lite", True
    ),
    "llama-stateful": Entry(
        "llama-stateful.xml", "llama:build_stateful", "Llama that keeps a state, f16, 1 MB", True
    ),
    "gguf-tiny": Entry("gguf-tiny.gguf", "gguf_llama:build_tiny", "Llama, Q4_K, 630 KB", True),
    "gguf-split": Entry(
        "gguf-split-00001-of-00003.gguf", "gguf_llama:build_split", "gguf-tiny in 3 shards", True
    ),
    "sd-small": Entry(
        "unet.xml", "diffusion:build_pipeline", "a diffusion pipeline of three networks, f16", True
    ),
    "resnet50": Entry("resnet50.xml", "resnet:build_resnet50", "ResNet-50, f32, 102 MB"),
    "bert": Entry("bert.xml", "bert:build_bert", "BERT-base, f32, 438 MB"),
    "whisper-like": Entry(
        "whisper-like.xml", "whisper:build_whisper", "Whisper-small's encoder, f16, 176 MB"
    ),
    "llama-0.1b": Entry("llama-0.1b.xml", "llama:build_100m", "Llama, 0.1 B, f16, 199 MB"),
    "llama-1b": Entry("llama-1b.xml", "llama:build_1b", "Llama, 1.1 B, f16, 2.2 GB"),
    "llama-0.1b-int8": Entry(
        "llama-0.1b-int8.xml", "llama:build_100m_int8", "the same in 8 bits, 100 MB"
    ),
    "llama-0.1b-int4": Entry(
        "llama-0.1b-int4.xml", "llama:build_100m_int4", "the same in 4 bits, 52 MB"
    ),
    "llama-0.1b-folded": Entry(
        "llama-0.1b-folded.xml", "llama:build_100m_folded", "the same, f32 once compiled, 199 MB"
    ),
    "llama-1b-folded": Entry(
        "llama-1b-folded.xml", "llama:build_1b_folded", "the same, f32 once compiled, 2.2 GB"
    ),
    "gguf-1b-q4k": Entry(
        "gguf-1b-q4k.gguf", "gguf_llama:build_1b", "Llama, 1.1 B, Q4_K and Q6_K, 660 MB"
    ),
    "sd-unet": Entry("sd-unet.xml", "unet:build_unet", "Stable Diffusion's U-Net, f16, 1.7 GB"),
}
