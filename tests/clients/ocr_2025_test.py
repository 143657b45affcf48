"""Goal: rapidocr on an OpenVINO of 2025 reads the same text, with models from the larder."""

import harness
import ocr_test


class Ocr2025Test(ocr_test.OcrTest):
    name = "ocr_2025"


if __name__ == "__main__":
    harness.main()
