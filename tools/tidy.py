#!/usr/bin/env python3
"""The house rules that neither the compiler nor clang-tidy knows.

A line that has to break a rule says so, with the reason: `// tidy-allow(rule): reason`.
usage: tools/tidy.py [ROOT]
"""

import pathlib
import re
import sys

CODE = {".h", ".hpp", ".c", ".cpp"}
TEXT = CODE | {".py", ".cmake", ".in", ".sh"}
FOLDERS = [
    "src", "include", "python", "tests", "models", "bench", "fuzz", "examples", "tools", "cmake",
    "scripts"]
LINE_LENGTH_MAX = 100
FILE_LINES_MAX = 500
README_LINES_MAX = 42  # read in a minute

FS_OPERATIONS = (
    "absolute|canonical|weakly_canonical|copy|copy_file|copy_symlink|create_\\w+|current_path|"
    "equivalent|exists|file_size|hard_link_count|is_\\w+|last_write_time|permissions|read_symlink|"
    "relative|proximate|remove|remove_all|rename|resize_file|space|status|symlink_status|"
    "temp_directory_path|directory_iterator|recursive_directory_iterator|directory_entry")
SYSCALLS = (
    "access|chmod|chown|close|dup2?|execve?|fchmod|fcntl|fdatasync|flock|fork|fstat|fstatat|fsync|"
    "ftruncate|getpid|getrandom|getuid|kill|link|lseek|madvise|mkdir|mkstemp|mmap|munmap|open|"
    "openat|opendir|pread|pwrite|read|readlink|rename|renameat2?|rmdir|stat|statvfs|statx|symlink|"
    "truncate|uname|unlink|unlinkat|waitpid|write")


class Rule:
    """A pattern that only lines under `allowed` may match, among the files under `scope`."""

    def __init__(self, name, pattern, why, scope=("",), allowed=()):
        self.name, self.pattern, self.why = name, re.compile(pattern), why
        self.scope, self.allowed = scope, allowed

    def concerns(self, path):
        return path.startswith(tuple(self.scope)) and not path.startswith(tuple(self.allowed))


CODE_RULES = [
    Rule("dotdot", r'#\s*include\s+"\.\.?/', "it slips past the layers: say \"layer/file.h\""),
    Rule("include-root", r'#\s*include\s+"[^/"]+"', "say \"layer/file.h\"",
         scope=("src/", "include/", "tests/support/")),
    Rule("openvino-include", r'#\s*include\s+[<"]openvino/[^">]*(\.hpp|openvino\.h|/c/)',
         "only src/openvino, src/api and src/hook meet OpenVINO",
         allowed=("src/openvino/", "src/api/", "src/hook/", "include/larder/larder.hpp", "tests/",
                  "bench/", "examples/")),
    Rule("public-headers", r'#\s*include\s+"(?!larder/|cli/)',
         "the program sees public headers alone", scope=("src/cli/",)),
    Rule("serve-headers", r'#\s*include\s+"(?!larder/|cli/|serve/)',
         "the dashboard sees public headers, and those of the program", scope=("src/serve/",)),
    Rule("hook-headers", r'#\s*include\s+"(?!larder/|hook/)',
         "the hook sees public headers alone", scope=("src/hook/",)),
    Rule("filesystem", rf"\b(filesystem|fs)::({FS_OPERATIONS})\b",
         "files are touched through os::FileSystem, where tests inject faults",
         scope=("src/",), allowed=("src/os/", "src/process/")),
    Rule("streams", r"#\s*include\s+<fstream>|\bf(open|dopen)\s*\(",
         "files are touched through os::FileSystem, where tests inject faults",
         scope=("src/",), allowed=("src/os/", "src/process/")),
    Rule("system-header",
         r"#\s*include\s+<((sys|linux)/[^>]*|unistd\.h|fcntl\.h|dirent\.h|poll\.h)>",
         "system calls live in src/os and src/process",
         scope=("src/",), allowed=("src/os/", "src/process/", "src/hook/")),
    Rule("syscall", rf"(?<![\w>.:])::({SYSCALLS})\s*\(",
         "system calls live in src/os and src/process",
         scope=("src/",), allowed=("src/os/", "src/process/")),
    Rule("wall-clock",
         r"system_clock::now|\bgettimeofday\b|\bclock_gettime\b|[^\w.>]time\(nullptr\)",
         "take the time from os::Clock, so that tests can set it",
         scope=("src/",), allowed=("src/os/", "src/process/")),
    Rule("environment", r"\b(secure_)?getenv\s*\(|\bsetenv\s*\(",
         "the environment is read once, at the edge",
         scope=("src/",), allowed=("src/os/", "src/process/", "src/api/", "src/cli/", "src/hook/")),
]
TEXT_RULES = [
    Rule("unfinished", r"\b(FIXME|TODO|XXX)\b", "finish it, or write it up as an issue",
         allowed=("tools/tidy.py", "tests/frame/")),
    Rule("blank-end", r"[ \t]+$", "blanks at the end of the line"),
    Rule("tab", r"\t", "indent with blanks"),
]


class Tidy:
    def __init__(self, root):
        self.root = root
        self.findings = []

    def report(self, path, line, rule, message):
        self.findings.append(f"{path}:{line}: {message} [{rule}]")

    def check_lines(self, path, lines):
        rules = TEXT_RULES + (CODE_RULES if path.suffix in CODE else [])
        name = path.relative_to(self.root).as_posix()
        for number, line in enumerate(lines, 1):
            for rule in rules:
                if not rule.concerns(name) or not rule.pattern.search(line):
                    continue
                if not re.search(rf"tidy-allow\({rule.name}\): \S", line):
                    self.report(name, number, rule.name, rule.why)
            if len(line) > LINE_LENGTH_MAX:
                self.report(name, number, "line-length", f"over {LINE_LENGTH_MAX} columns")

    def check_whole(self, path, text):
        name = path.relative_to(self.root).as_posix()
        lines = text.count("\n")
        if text and not text.endswith("\n"):
            self.report(name, lines + 1, "end-of-file", "the last line does not end")
        if path.suffix in CODE and lines > FILE_LINES_MAX:
            self.report(name, lines, "file-length",
                        f"over {FILE_LINES_MAX} lines: it does two things")
        if path.suffix in {".h", ".hpp"} and "#pragma once\n" not in text:
            self.report(name, 1, "pragma-once", "a header guards itself with #pragma once")

    def check_listed(self, path):
        """Nobody notices errors in a source that no target compiles, or in a test that never
        runs."""
        name = path.relative_to(self.root).as_posix()
        if path.suffix not in {".c", ".cpp"} or not name.startswith(("src/", "tests/")):
            return
        for folder in path.parents:
            lists = folder / "CMakeLists.txt"
            if lists.exists():
                listed = re.sub(r"#.*", "", lists.read_text())
                relative = re.escape(path.relative_to(folder).as_posix())
                if re.search(rf"(?<![\w/.-]){relative}(?![\w/.-])", listed):
                    return
            if folder == self.root:
                break
        self.report(name, 1, "not-built", "no CMakeLists.txt names this file")

    def check_readme(self, path):
        lines = path.read_text().count("\n")
        if lines > README_LINES_MAX:
            self.report(path.relative_to(self.root).as_posix(), lines, "readme-length",
                        f"over {README_LINES_MAX} lines")

    def run(self):
        for folder in FOLDERS:
            for path in sorted((self.root / folder).rglob("*")):
                if not path.is_file() or "__pycache__" in path.parts:
                    continue
                is_script = folder == "scripts" and not path.suffix
                if path.suffix in TEXT or path.name == "CMakeLists.txt" or is_script:
                    text = path.read_text()
                    self.check_lines(path, text.splitlines())
                    self.check_whole(path, text)
                    self.check_listed(path)
                elif path.name == "README.md" and folder == "src":
                    self.check_readme(path)
        return self.findings


def main():
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else __file__).resolve()
    findings = Tidy(root if root.is_dir() else root.parent.parent).run()
    for finding in findings:
        print(finding)
    print(f"tidy: {len(findings)} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
