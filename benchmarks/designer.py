"""`python -m benchmarks.designer [--routes N] [--trace FILE]`: how smoothly the designer's picture moves in a browser.

An API with many routes is opened and moved in a circle, a step for each frame, at several sizes. What is printed are
the times from one frame to the next; 60 frames a second are 16.7 ms. The last column is the CPU time of a frame in all
processes of the browser, which depends less on what else the machine does. The browser draws without a graphics card
here, so that other machines are faster. Needs Chromium. `recorded/designer.json` is a trace that was kept: every
frame's time at every size, and the machine.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Page, sync_playwright

from benchmarks.report import machine
from tests.support.gateway import Gateway
from tests.support.rest import administrator

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
ZOOMS = (1.0, 0.4, 0.2, 0.05)
_FRAMES = 180
_MOVE = """async ([k, frames]) => {
  const { canvas } = document.querySelector("route-designer");
  canvas.zoomTo(k);
  const { box } = canvas.picture;
  canvas.centreOn({ x: box.x + box.width / 2, y: box.y + box.height / 2 });
  const frame = () => new Promise(requestAnimationFrame);
  for (let wait = 0; wait < 10; wait += 1) await frame();
  const start = { ...canvas.view };
  const times = [];
  let before = await frame();
  for (let step = 0; step < frames; step += 1) {
    const angle = step / 20;
    canvas.setView({ k, x: start.x + 300 * Math.sin(angle), y: start.y + 300 * (1 - Math.cos(angle)) });
    const now = await frame();
    times.push(now - before);
    before = now;
  }
  return times;
}"""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.designer", description=sys.modules[__name__].__doc__)
    parser.add_argument("--routes", type=int, default=300, help="how many there are (default: %(default)s)")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="write the machine and every frame's time to FILE")
    options = parser.parse_args(arguments)
    facts = machine()
    with tempfile.TemporaryDirectory(prefix="nopal-") as directory, Gateway(Path(directory) / "data") as gateway:
        rest = administrator(gateway)
        api_id = rest.post("import", {"document": json.dumps(_document(options.routes))})["apiId"]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--disable-dev-shm-usage"])
            page = _opened(browser.new_page(viewport={"width": 1440, "height": 900}), gateway, api_id)
            facts["browser"] = f"Chromium {browser.version}"
            passes = _measure(page)
    if options.trace:
        options.trace.write_text(json.dumps({"machine": facts, "routes": options.routes, "passes": passes}) + "\n")


def _document(routes: int) -> dict[str, Any]:
    """Each route leads to one of a third as many integrations; every other one is two-way."""
    count = max(1, routes // 3)
    return {
        "nopal": 1,
        "api": {"name": "large", "routeSelectionExpression": "$request.body.action"},
        "integrations": {
            f"integration-{number}": {
                "integrationType": "HTTP_PROXY",
                "integrationMethod": "POST",
                "integrationUri": f"https://backend-{number % 10}.example/{number}",
            }
            for number in range(count)
        },
        "routes": {
            f"route-{number:03}": {
                "integration": f"integration-{number % count}",
                **({"routeResponses": {"$default": {}}} if number % 2 else {}),
            }
            for number in range(routes)
        },
    }


def _opened(page: Page, gateway: Gateway, api_id: str) -> Page:
    page.goto(f"{gateway.endpoint}/signin?next=/apis/{api_id}/designer")
    page.get_by_label("Username").fill("ann")
    page.get_by_label("Password").fill("a-cactus-in-the-sun")
    page.get_by_role("button", name="Sign in").click()
    page.locator(".node").first.wait_for()
    if page.locator(".node-group").count():
        page.get_by_role("button", name="Unfold").click()
    return page


def _measure(page: Page) -> list[dict[str, Any]]:
    """Move at each size, and print; the milliseconds of each frame, and of CPU for it, by size."""
    passes = []
    nodes, edges = page.locator(".node").count(), page.locator(".edge").count()
    print(f"{nodes} nodes, {edges} edges; {_FRAMES} frames at each size; load {os.getloadavg()[0]:.1f}\n")
    print(f"{'zoom':>6} {'median ms':>10} {'p95 ms':>8} {'worst ms':>9} {'frames/s':>9} {'CPU ms':>7}")
    for zoom in ZOOMS:
        before = _cpu_of_browser()
        times = page.evaluate(_MOVE, [zoom, _FRAMES])
        cpu = 1000 * (_cpu_of_browser() - before) / len(times)
        tail = statistics.quantiles(times, n=20)[-1]
        rate = 1000 * len(times) / sum(times)
        print(f"{zoom:6.0%} {statistics.median(times):10.1f} {tail:8.1f} {max(times):9.1f} {rate:9.1f} {cpu:7.1f}")
        frames = [round(time, 2) for time in times]
        passes.append({"zoom": zoom, "cpu_ms_per_frame": round(cpu, 2), "frames_ms": frames})
    return passes


def _cpu_of_browser() -> float:
    """Seconds that the browser's processes have used."""
    found = [each.cpu_times() for each in psutil.Process().children(recursive=True) if "chrom" in each.name()]
    return sum(times.user + times.system for times in found)


if __name__ == "__main__":
    main()
