"""Reads a page with rapidocr on its OpenVINO engine, with the PP-OCR networks of its package.

It has no setting for a cache of its own, and none for a device: its engine asks for a CPU. On a GPU
it reads a word, for the tests' rig is slow.
"""

import os

from client_program import Start, main, was_loaded

DEVICE = os.environ.get("CLIENT_DEVICE", "CPU")
WORDS = (["Every model is compiled once", "and loaded ever after", "larder 2026"]
         if DEVICE == "CPU" else ["larder"])


def prepare(folder):
    from PIL import Image, ImageDraw, ImageFont

    size, height, left, top = (44, 80, 40, 30) if DEVICE == "CPU" else (40, 64, 20, 10)
    page = Image.new("RGB", (200, 64) if len(WORDS) == 1 else (800, 300), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=size)
    for number, words in enumerate(WORDS):
        draw.text((left, top + height * number), words, fill="black", font=font)
    page.save(folder / "page.png")


def make_engine():
    from rapidocr import EngineType, RapidOCR

    params = {f"{part}.engine_type": EngineType.OPENVINO for part in ("Det", "Cls", "Rec")}
    if DEVICE == "CPU":
        return RapidOCR(params=params)
    from rapidocr.inference_engine.openvino import main as engine

    class OnDevice(engine.Core):
        def compile_model(self, model, device_name=None):
            return super().compile_model(model, DEVICE)

    # As its users do who want another device.
    engine.Core = OnDevice
    return RapidOCR(params={**params, "Det.limit_type": "max", "Det.limit_side_len": 96})


def run(folder, own_cache):
    assert own_cache is None, "rapidocr has no such setting"
    start = Start()
    engine = make_engine()
    # Each network is compiled when it is first needed.
    found = engine(str(folder / "page.png"))
    start.is_ready()
    parts = (engine.text_det, engine.text_cls, engine.text_rec)
    start.tell(
        {"drawn": WORDS, "read": list(found.txts), "scores": [float(x) for x in found.scores]},
        [was_loaded(part.session.session.get_compiled_model()) for part in parts])


main(prepare, run)
