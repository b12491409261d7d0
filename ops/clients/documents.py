"""Compares the files that docs/mocks.md shows with the real ones; `python documents.py` copies these into it."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/mocks.md"
SHOWN = (
    "ops/clients/examples/world.toml",
    "ops/clients/examples/python/test_bot.py",
    "ops/clients/examples/typescript/bot.test.ts",
    "ops/clients/examples/rust/src/main.rs",
    "ops/clients/examples/rust/tests/bot.rs",
    "ops/compose/mocks.yaml",
    "ops/compose/workflow.yml",
)


def block(path):
    """Matches a link to the file at the end of a line, and the block of code after it."""
    return re.compile(rf"(\(\.\./{re.escape(path)}\):\n\n```\w+\n)(.*?)(^```$)", re.MULTILINE | re.DOTALL)


def check():
    """Yields each file, and whether it is shown as it is."""
    document = DOCUMENT.read_text()
    for path in SHOWN:
        found = block(path).search(document)
        yield path, found is not None and found[2] == (ROOT / path).read_text()


def write():
    document = DOCUMENT.read_text()
    for path in SHOWN:
        text = (ROOT / path).read_text()
        document = block(path).sub(lambda found: found[1] + text + found[3], document)
    DOCUMENT.write_text(document)


if __name__ == "__main__":
    write()
