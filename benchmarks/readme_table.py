"""Write the quality table of README.md anew, from docs/benchmarks/quality.json.

usage: python benchmarks/readme_table.py
"""

import json

from quality.readme import with_table
from quality.results import PROJECT

from edgeguard_core.files import write_whole


def main() -> None:
    """README.md with the figures of the committed report."""
    readme = PROJECT / "README.md"
    plain = json.loads((PROJECT / "docs" / "benchmarks" / "quality.json").read_text())
    write_whole(readme, with_table(readme.read_text(), plain).encode())


if __name__ == "__main__":
    main()
