"""Goal: processes that load the same model share its unpacked weights, and compute what they would
without.
"""

import harness
import sharing


class SharesTest(sharing.SharingTest):
    written = ("wide", "half", "bytes")

    def test_explore(self):
        import time
        for name in self.written:
            m = self.model(name)
            t = time.monotonic()
            bare = self.start(None)
            bare.ask("load", "model", m, {})
            print(name, "bare load", time.monotonic() - t)
            t = time.monotonic()
            ob = self.outputs(bare, 100)
            print(" 100 inferences", time.monotonic() - t, bare.ask("report"))
            self.finished(bare)
            for share in ("off", "off", "on", "on", "auto"):
                t = time.monotonic()
                w = self.loaded(share, m, environment={"LARDER_LOG": "info"})
                print(share, "load", time.monotonic() - t)
                o = self.outputs(w)
                print(o == ob, w.ask("report"))
                print(w.end().error)
            print(self.unpacked())


if __name__ == "__main__":
    harness.main()
