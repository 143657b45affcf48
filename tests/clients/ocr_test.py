"""Goal: rapidocr reads the same text with models from the larder as with models that it
compiles."""

import harness


class OcrTest(harness.ClientTest):
    name = "ocr"

    def test_a_page_is_read_with_three_networks_from_the_larder(self):
        plain, first, second = self.check_starts(compiled=3, asked=3)
        self.assertEqual(plain.answer["read"], plain.answer["drawn"])
        self.assertEqual(plain.loaded, [False] * 3)
        self.assertEqual(first.loaded, [False] * 3)
        self.assertEqual(second.loaded, [True] * 3)


if __name__ == "__main__":
    harness.main()
