"""A browser that goes through a demo and writes pictures: PNGs of at most 256 colours, so that they stay small."""

import base64
import re
import struct
import zlib
from typing import Any

from playwright.sync_api import Error, Page

from bin.lib.demo import Demo
from bin.lib.say import ROOT, SetupError, say

FOLDER = ROOT / "docs" / "img"
LARGEST = 150_000  # bytes
WIDTH, HEIGHT = 1200, 860
JOB_MS = 240_000
# A picture's pixels as places in a palette of its frequent colours; every other one becomes the nearest of these.
PALETTE = """async (png) => {
  const picture = await createImageBitmap(await (await fetch("data:image/png;base64," + png)).blob());
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext("2d");
  context.drawImage(picture, 0, 0);
  const data = context.getImageData(0, 0, picture.width, picture.height).data;
  const seen = new Map();
  for (let i = 0; i < data.length; i += 4) {
    const colour = data[i] << 16 | data[i + 1] << 8 | data[i + 2];
    seen.set(colour, (seen.get(colour) || 0) + 1);
  }
  const far = (a, b) => [16, 8, 0].reduce((sum, shift) => sum + ((a >> shift & 255) - (b >> shift & 255)) ** 2, 0);
  const often = [...seen].sort((a, b) => b[1] - a[1]).map((one) => one[0]);
  const kept = often.slice(0, 96);
  for (const least of [600, 0]) {  // first those unlike all before, so that a small green dot stays green
    for (const colour of often) {
      if (kept.length < 256 && kept.every((one) => far(one, colour) > least)) kept.push(colour);
    }
  }
  const place = new Map(kept.map((colour, index) => [colour, index]));
  for (const colour of seen.keys()) {
    if (place.has(colour)) continue;
    let best = 0;
    for (let i = 1; i < kept.length; i++) if (far(kept[i], colour) < far(kept[best], colour)) best = i;
    place.set(colour, best);
  }
  let text = "";
  for (let i = 0; i < data.length; i += 4) {
    text += String.fromCharCode(place.get(data[i] << 16 | data[i + 1] << 8 | data[i + 2]));
  }
  return {width: picture.width, height: picture.height, palette: kept, places: btoa(text)};
}"""


class Camera:
    """A browser signed in to a demo; `shoot` writes a picture."""

    def __init__(self, demo: Demo, page: Page, counter: Page) -> None:
        self.demo, self.page, self._counter = demo, page, counter

    def go(self, path: str) -> None:
        """Open an address of the demo."""
        self.page.goto(self.demo.address + path)

    def press(self, name: str, role: Any = "button") -> None:
        """Press the one button (or link) of that name."""
        self.page.get_by_role(role, name=name, exact=True).first.click()

    def settle(self) -> None:
        """Wait until the job on this page has succeeded, and draw the page anew."""
        self.page.get_by_text(re.compile("^(Succeeded|Failed)$")).first.wait_for(timeout=JOB_MS)
        if self.page.get_by_text("Failed", exact=True).first.is_visible():
            raise Error("This job failed.")
        self.page.reload()

    def until(self, text: str, path: str) -> None:
        """Open `path` again and again until it shows `text`."""
        for _second in range(JOB_MS // 1000):
            self.go(path)
            if self.page.get_by_text(text).first.is_visible():
                return
            self.page.wait_for_timeout(1000)
        raise SetupError(f"{path} never showed “{text}”.")

    def shoot(self, name: str, height: int = HEIGHT) -> None:
        """Take the page as it is now; raises SetupError for a picture that is too large."""
        self.page.set_viewport_size({"width": WIDTH, "height": height})
        self.page.mouse.move(0, 0)
        self.page.evaluate("scrollTo(0, 0); document.activeElement.blur()")
        self.page.wait_for_timeout(400)
        found = self._counter.evaluate(PALETTE, base64.b64encode(self.page.screenshot()).decode())
        data = png(found["width"], found["height"], found["palette"], base64.b64decode(found["places"]))
        if len(data) > LARGEST:
            raise SetupError(f"{name}.png would be {len(data)} bytes large; take less of the page.")
        (FOLDER / f"{name}.png").write_bytes(data)
        say(f"  {name}.png  {len(data) // 1000} kB")
        self.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


def png(width: int, height: int, palette: list[int], places: bytes) -> bytes:
    """A PNG with a palette of at most 256 colours (RFC 2083): a byte for each pixel, compressed."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + places[start : start + width] for start in range(0, width * height, width))
    return b"".join([
        b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        chunk(b"PLTE", b"".join(colour.to_bytes(3, "big") for colour in palette)),
        chunk(b"IDAT", zlib.compress(rows, 9)), chunk(b"IEND", b""),
    ])  # fmt: skip
