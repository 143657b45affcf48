"""Makes the pictures of docs/dashboard.md: a larder with well-known models, in a browser.

usage: tests/serve/screenshots.py BUILD FOLDER, with the Python of `scripts/setup_clients browser`
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

from playwright.sync_api import sync_playwright

MODELS = [  # path, device, bytes, what compiling takes
    ("llama-3.1-8b/openvino_model.xml", "GPU", 38e6, 9400),
    ("llama-3.1-8b/openvino_model.xml", "CPU", 31e6, 7200),
    ("sdxl/unet/openvino_model.xml", "GPU", 27e6, 14800),
    ("sdxl/vae_decoder/openvino_model.xml", "GPU", 9e6, 3100),
    ("sdxl/text_encoder_2/openvino_model.xml", "GPU", 11e6, 2400),
    ("whisper-large-v3/encoder.xml", "CPU", 14e6, 2900),
    ("whisper-large-v3/decoder.xml", "CPU", 12e6, 3300),
    ("whisper-large-v3/encoder.xml", "NPU", 19e6, 21000),
    ("bge-m3/openvino_model.xml", "CPU", 8e6, 1500),
    ("yolo11x.onnx", "GPU", 6.2e6, 2800),
    ("yolo11x.onnx", "CPU", 5.8e6, 900),
    ("ocr/detector.onnx", "CPU", 1.9e6, 700),
    ("ocr/reader.onnx", "CPU", 2.4e6, 760),
    ("resnet50.xml", "CPU", 2.8e6, 610),
    ("qwen2.5-coder.gguf", "CPU", 19e6, 5200),
    ("depth-anything-v2.xml", "GPU", 3.6e6, 1900),
]
DAYS = 30
DAY_MINUTES = 1440


def entries():
    for number, (model, device, size, compile_ms) in enumerate(MODELS):
        one = {"model": f"/srv/models/{model}", "device": device, "bytes": int(size),
               "compile_ms": compile_ms, "days_ago": 2 + number}
        yield one
        if "llama" in model:
            # Two models with the same weights.
            for name in (model, model.replace("8b", "8b-chat")):
                yield {**one, "model": f"/srv/models/{name}", "bytes": int(size * 0.3),
                       "inputs": {"property.KV_CACHE_PRECISION": "u8"}, "shares": device}


def events():
    chance = random.Random(7)
    for day in range(DAYS - 1, -1, -1):
        busy = 14 if day % 7 in (1, 2) else 55
        for _ in range(chance.randint(busy // 2, busy)):
            model, device, size, compile_ms = chance.choice(MODELS)
            misses = 40 if day == 11 else 4
            outcome = chance.choices(["loaded", "waited", "compiled"], [80, 7, misses])[0]
            is_hit = outcome != "compiled"
            yield {"model": f"/srv/models/{model}", "device": device, "outcome": outcome,
                   "reason": "" if is_hit else "the runtime is another",
                   "total_ms": compile_ms // 9 if is_hit else compile_ms,
                   "saved_ms": compile_ms if is_hit else 0, "bytes": 0 if is_hit else int(size),
                   "minutes_ago": day * DAY_MINUTES + chance.uniform(1, 500)}


STORAGE = {"storage": "s3://models/larder", "hits": 41, "misses": 6, "fetched_bytes": 212_000_000,
           "fetch_ms": 2900, "sent": 6, "sent_bytes": 31_000_000}


def take(url, folder):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium",
                                             args=["--no-sandbox"])
        for scheme in ("light", "dark"):
            context = browser.new_context(color_scheme=scheme, device_scale_factor=1.5,
                                          viewport={"width": 1180, "height": 900})
            page = context.new_page()
            page.goto(url)
            page.locator(".chart .bar").first.wait_for()
            # The folder of this picture is a temporary one.
            page.evaluate("document.querySelector('h1 code').textContent = '~/.cache/larder'")
            page.screenshot(path=folder / f"dashboard-{scheme}.png", full_page=True)
        browser.close()


def main():
    build, folder = map(pathlib.Path, sys.argv[1:3])
    with tempfile.TemporaryDirectory() as root:
        larder, state = pathlib.Path(root) / "larder", pathlib.Path(root) / "state"
        lines = [*entries(), *sorted(events(), key=lambda each: -each["minutes_ago"]), STORAGE]
        subprocess.run([build / "tests/furnish", larder, state], check=True, text=True,
                       input="".join(json.dumps(line) + "\n" for line in lines),
                       stdout=subprocess.DEVNULL)
        server = subprocess.Popen(
            [build / "bin/larder", "serve", "--port", "0", "--json", "--dir", larder],
            env={**os.environ, "HOME": root, "LARDER_STATE_DIR": state,
                 "LARDER_MAX_SIZE": "400MB"}, stdout=subprocess.PIPE, text=True)
        try:
            take(json.loads(server.stdout.readline())["url"], folder)
        finally:
            server.terminate()
            server.wait(30)


if __name__ == "__main__":
    main()
