"""What the page is made of: all of it is served by the service, and nothing else is needed."""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from service.routes.page import CONTENT_SECURITY_POLICY

PAGE = Path(__file__).parents[3] / "service" / "page"
ASSETS = sorted(str(path.relative_to(PAGE)) for path in PAGE.rglob("*") if path.is_file())
KINDS = {
    ".js": "javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".html": "text/html",
    ".txt": "text/plain",
}
NEVER_ASKED = {
    "http://www.w3.org/2000/svg",  # a namespace
    "https://github.com/leeoniya/uPlot",  # in a comment of uPlot's
}

# as npm has them: npm pack NAME@VERSION, package/dist/ (uPlot) or package/, and the licences
VENDORED = {
    "uplot": {  # 1.6.32, MIT
        "LICENSE.txt": "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd",
        "uPlot.iife.min.js": "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
        "uPlot.min.css": "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
    },
    "swagger-ui": {  # swagger-ui-dist 5.35.0, Apache-2.0
        "LICENSE.txt": "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30",
        "NOTICE.txt": "0d20d1adef18aee3f40dd258172155521ce702ac445cb5f7b7d60ed32dad2fb2",
        "swagger-ui-bundle.js": "e6a898692f2d768e807c3ba4626068a69a2c5dd960dd6c76f3e4d3a3de180af2",
        "swagger-ui-bundle.js.LICENSE.txt": (
            "37eb6e7e59aed57b2c1acf076574b818ea07b74265717e0bd67b59e0baf9abbb"
        ),
        "swagger-ui.css": "5ed08757e53da3e026d6cbecc61fe5d43585c9560b302d534ad56692519a273d",
    },
}


@pytest.mark.parametrize("name", ASSETS)
def test_every_file_is_served_with_its_kind_and_the_policy(client: httpx.Client, name: str) -> None:
    response = client.get(f"/page/{name}")
    assert response.status_code == 200
    assert response.content == (PAGE / name).read_bytes()
    assert KINDS[Path(name).suffix] in response.headers["Content-Type"]
    assert response.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    assert response.headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_stands_at_the_root(client: httpx.Client) -> None:
    response = client.get("/")
    assert response.content == (PAGE / "index.html").read_bytes()
    assert response.headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert "unsafe" not in CONTENT_SECURITY_POLICY


def test_a_file_that_has_not_changed_is_not_sent_again(client: httpx.Client) -> None:
    first = client.get("/page/app.js")
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/page/app.js", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
    other = client.get("/page/app.js", headers={"If-None-Match": '"another"'})
    assert other.status_code == 200


@pytest.mark.parametrize(
    "path", ["page/none.js", "page/", "page/style", "page/%2e%2e/app.py", "page/..%2fapp.py"]
)
def test_nothing_else_is_served(client: httpx.Client, path: str) -> None:
    response = client.get(f"/{path}")
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("name", ASSETS)
def test_no_other_host_is_named(name: str) -> None:
    if name.startswith("vendor/swagger-ui/") or name.endswith("LICENSE.txt"):
        return  # names many in what it says; test_docs.py sees that it asks none
    text = (PAGE / name).read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[\w./-]+", text)) <= NEVER_ASKED
    assert not re.search(r"""["'(=]\s*//\w""", text)  # an address without its scheme


class Inline(HTMLParser):
    """Finds what the policy would not let run, and what the page asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.asked: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.inline += [name for name in values if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in values):
            self.inline.append(tag)
        if tag in ("script", "link", "img"):
            self.asked.append(values.get("src") or values.get("href") or "")


@pytest.mark.parametrize("document", ["index.html", "docs.html"])
def test_a_document_has_nothing_inline_and_asks_for_files_that_exist(document: str) -> None:
    parser = Inline()
    parser.feed((PAGE / document).read_text(encoding="utf-8"))
    assert parser.inline == []
    assert parser.asked
    for address in parser.asked:  # relative, so that the page also works below a prefix
        assert (PAGE / address.removeprefix("page/")).is_file(), address
        assert address.startswith("page/")


def test_text_never_becomes_markup() -> None:
    dangerous = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(")
    own = [PAGE / name for name in ASSETS if name.endswith(".js") and "vendor" not in name]
    assert [path.name for path in own if dangerous.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("library", VENDORED)
def test_a_library_is_the_one_that_was_published(library: str) -> None:
    folder = PAGE / "vendor" / library
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert found == VENDORED[library]


def test_models_have_as_many_marks_as_there_are_colours() -> None:
    count = re.search(r"const SERIES = (\d+);", (PAGE / "catalogue.js").read_text(encoding="utf-8"))
    colours = (PAGE / "style" / "colours.css").read_text(encoding="utf-8")
    numbers = [int(number) for number in re.findall(r"--series-(\d+):", colours)]
    assert count is not None
    assert numbers == list(range(int(count[1])))
