"""Fetch the front-end files of static/vendor, and check them.

    scripts/vendor.py           take the versions named below from the npm registry (needs npm)
    scripts/vendor.py --check   compare static/vendor with its manifest, without a network

Files are copied as they were published, but for the comments that name source maps, which are not shipped.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).parents[1] / "static" / "vendor"
MANIFEST = VENDOR / "manifest.json"
_SOURCE_MAP = re.compile(rb"\n?(?://|/\*)# sourceMappingURL=\S+?\s*(?:\*/)?\s*$")

ICONS = """
activity alert-circle alert-triangle api app-window arrow-back-up arrow-down-left arrow-down-right arrow-
forward-up arrow-left arrow-right arrow-up-right arrows-exchange book broadcast chart-line check chevron-down
chevron-left chevron-right chevron-up circle-check clipboard-text clock cloud code columns copy database dots
download edit external-link eye file-export file-import filter git-branch git-compare help-circle history home
info-circle key keyboard list-details lock login logout mail maximize menu-2 message message-2-code minus moon
palette player-pause player-play plug-connected plug-connected-x plus refresh rocket rotate route route-2
search send server settings shield sitemap stack-2 star sun tag terminal-2 test-pipe trash user user-circle
users wand webhook world x zoom-in zoom-out
""".split()  # noqa: SIM905  (names, as they are read)


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the npm registry: `files` maps what is taken out of it to its place below static/vendor."""

    name: str
    version: str
    licence: str
    files: dict[str, str]


PACKAGES = (
    Package("@tabler/core", "1.6.1", "MIT", {"dist/css/tabler.min.css": "tabler/tabler.min.css"}),
    Package(
        "@tabler/icons",
        "3.51.0",
        "MIT",
        {"LICENSE": "icons/LICENSE", **{f"icons/outline/{name}.svg": f"icons/{name}.svg" for name in ICONS}},
    ),
    Package(
        "htmx.org",
        "4.0.1",
        "0BSD",
        {
            "LICENSE": "htmx/LICENSE",
            "dist/htmx.min.js": "htmx/htmx.min.js",
            "dist/ext/hx-ws.min.js": "htmx/hx-ws.min.js",
        },
    ),
    Package(
        "uplot",
        "1.6.32",
        "MIT",
        {
            "LICENSE": "uplot/LICENSE",
            "dist/uPlot.esm.js": "uplot/uPlot.esm.js",
            "dist/uPlot.min.css": "uplot/uPlot.min.css",
        },
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only compare the files with their manifest")
    if parser.parse_args().check:
        problems = list(check())
        sys.exit("\n".join(problems) if problems else 0)
    fetch()


def check() -> Iterator[str]:
    """What is wrong with static/vendor, in sentences."""
    manifest = json.loads(MANIFEST.read_text())
    named = {place: digest for package in manifest["packages"] for place, digest in package["files"].items()}
    there = {str(path.relative_to(VENDOR)) for path in VENDOR.rglob("*") if path.is_file() and path != MANIFEST}
    for place in sorted(named.keys() | there):
        if place not in there:
            yield f"{place} is in the manifest but not there: run scripts/vendor.py."
        elif place not in named:
            yield f"{place} is not in the manifest: vendored files come from scripts/vendor.py."
        elif named[place] != _digest((VENDOR / place).read_bytes()):
            yield f"{place} was changed: vendored files stay as they were published."
    versions = {package["name"]: package["version"] for package in manifest["packages"]}
    if versions != {package.name: package.version for package in PACKAGES}:
        yield "The manifest names other versions than scripts/vendor.py: run it."


def fetch() -> None:
    """Take everything anew and write the manifest."""
    with tempfile.TemporaryDirectory() as directory:
        documents = [_take(package, Path(directory)) for package in PACKAGES]
    MANIFEST.write_text(json.dumps({"packages": documents}, indent=2) + "\n")


def _take(package: Package, directory: Path) -> dict[str, object]:
    command = ["npm", "pack", "--silent", "--pack-destination", str(directory), f"{package.name}@{package.version}"]
    archive = directory / subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
    digests = {}
    with tarfile.open(archive) as contents:
        for source, place in package.files.items():
            member = contents.extractfile(f"package/{source}")
            assert member is not None, source
            content = _SOURCE_MAP.sub(b"", member.read())
            target = VENDOR / place
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            digests[place] = _digest(content)
    return {
        "name": package.name,
        "version": package.version,
        "licence": package.licence,
        "files": dict(sorted(digests.items())),
    }


def _digest(content: bytes) -> str:
    return "sha256-" + hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    main()
