"""The page of an audit in a real browser: figures show, nothing is loaded, nothing overflows, text has contrast."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hf_fairtune.document.document import Document
from hf_fairtune.show.page import page

from .conftest import edited
from .strange import renamed

BROWSER, DRIVER = (shutil.which(name) for name in ("chromium", "chromedriver"))
pytestmark = pytest.mark.skipif(not (BROWSER and DRIVER), reason="needs chromium and chromedriver")
FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-background-networking --disable-component-update "
    "--disable-sync --disable-dev-shm-usage"
)
WIDTHS = (360, 1280)
# Contrast of WCAG 2.1 of every element that has text of its own, against the nearest background behind it.
CONTRAST = """
const channels = text => text.match(/[\\d.]+/g).map(Number);
const linear = c => c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4;
const light = c => 0.2126 * linear(c[0]) + 0.7152 * linear(c[1]) + 0.0722 * linear(c[2]);
const behind = e => {
  for (; e; e = e.parentElement) {
    const c = channels(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c;
  }
  return [255, 255, 255];
};
return [...document.body.querySelectorAll('*')]
  .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
  .map(e => { const [a, b] = [light(channels(getComputedStyle(e).color)), light(behind(e))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), e.tagName, e.textContent.slice(0, 40)]; })
  .filter(([ratio]) => ratio < 4.5).slice(0, 5);
"""


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    for flag in FLAGS.split():
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    yield browser
    browser.quit()


@pytest.fixture(scope="module", params=["plain", "strange", "run"])
def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, audit: Document, search: Document
) -> str:
    made = {"plain": audit, "strange": edited(audit, renamed), "run": search}[request.param]
    path: Path = tmp_path_factory.mktemp("page") / "audit.html"
    path.write_text(page(made), encoding="utf-8")
    return path.as_uri()


def opened(driver: Any, address: str, width: int, scheme: str = "light") -> None:
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    feature = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", feature)
    driver.get(address)
    driver.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")


def test_figures_show_and_nothing_is_loaded(driver: Any, address: str) -> None:
    driver.get_log("performance")
    opened(driver, address, 1280)
    images = driver.execute_script("return [...document.images].map(i => [i.complete, i.naturalWidth, i.alt])")
    assert len(images) > 3
    assert all(complete and width > 0 and alt for complete, width, alt in images)
    assert driver.get_log("browser") == []
    loaded = driver.execute_script("return performance.getEntriesByType('resource').map(e => e.name)")
    assert [name for name in loaded if not name.startswith("data:")] == []
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]
    assert sent
    assert all(url.startswith(("data:", "file:")) for url in sent)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_overflows(driver: Any, address: str, width: int) -> None:
    opened(driver, address, width)
    found = driver.execute_script(
        "const e = document.documentElement; return [e.scrollWidth, document.body.scrollWidth, e.clientWidth]"
    )
    assert max(found[:2]) <= found[2] <= width
    outside = """
    const wide = document.documentElement.clientWidth + 1;
    return [...document.body.querySelectorAll('*')].filter(e => !e.closest('.scroll') || e.matches('.scroll'))
      .filter(e => e.getBoundingClientRect().right > wide).map(e => e.tagName + ': ' + e.textContent.slice(0, 40));
    """
    assert driver.execute_script(outside) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(driver: Any, address: str, scheme: str) -> None:
    opened(driver, address, 1280, scheme)
    dark = driver.execute_script("return getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
    assert dark == (scheme == "dark")
    assert driver.execute_script(CONTRAST) == []


def test_headings_are_in_order(driver: Any, address: str) -> None:
    opened(driver, address, 1280)
    levels = driver.execute_script("return [...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in zip(levels, levels[1:], strict=False))


def test_folded_tables_are_printed(driver: Any, address: str) -> None:
    opened(driver, address, 1280)
    driver.execute_script("document.querySelectorAll('details').forEach(d => d.open = false)")
    held = "getComputedStyle(document.querySelector('details'), '::details-content')"
    seen = f"return {held}.contentVisibility === 'visible'"
    assert not driver.execute_script(seen)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert driver.execute_script(seen)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
