"""Reads a page with rapidocr on its OpenVINO engine, with the PP-OCR networks of its package.

It has no setting for a cache of its own.
"""

from client_program import Start, main, was_loaded

WORDS = ["Every model is compiled once", "and loaded ever after", "larder 2026"]


def prepare(folder):
    from PIL import Image, ImageDraw, ImageFont

    page = Image.new("RGB", (800, 300), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(size=44)
    for number, words in enumerate(WORDS):
        draw.text((40, 30 + 80 * number), words, fill="black", font=font)
    page.save(folder / "page.png")


def run(folder, own_cache):
    assert own_cache is None, "rapidocr has no such setting"
    from rapidocr import EngineType, RapidOCR

    start = Start()
    engine = RapidOCR(params={
        f"{part}.engine_type": EngineType.OPENVINO for part in ("Det", "Cls", "Rec")})
    # Each network is compiled when it is first needed.
    found = engine(str(folder / "page.png"))
    start.is_ready()
    parts = (engine.text_det, engine.text_cls, engine.text_rec)
    start.tell(
        {"drawn": WORDS, "read": list(found.txts), "scores": [float(x) for x in found.scores]},
        [was_loaded(part.session.session.get_compiled_model()) for part in parts])


main(prepare, run)
