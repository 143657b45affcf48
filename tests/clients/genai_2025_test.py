"""Goal: every model of an openvino_genai pipeline of 2025 comes from the larder."""

import genai_test
import harness


class Genai2025Test(genai_test.GenaiTest):
    name = "genai_2025"


if __name__ == "__main__":
    harness.main()
