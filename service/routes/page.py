"""``/`` and ``/docs``: the page for people, the API's description, and the files of both."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request, Response
from starlette.staticfiles import StaticFiles

__all__ = ["CONTENT_SECURITY_POLICY", "DOCS_CONTENT_SECURITY_POLICY", "PAGE_FOLDER", "router"]

PAGE_FOLDER = Path(__file__).parents[1] / "page"

CONTENT_SECURITY_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""Only what the service itself sends is run, drawn or asked; nothing that stands inline."""

DOCS_CONTENT_SECURITY_POLICY = f"{CONTENT_SECURITY_POLICY}; img-src 'self' data:"
"""The same; Swagger UI's style sheet holds its icons."""

_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    # kept, but asked about each time (304 if it has not changed): the files of one page belong
    # together, and a new version must not meet parts of an old one
    "Cache-Control": "no-cache",
}

router = APIRouter(include_in_schema=False)
_files = StaticFiles(directory=PAGE_FOLDER)


@router.head("/")
@router.get("/")
async def index(http: Request) -> Response:
    """The page."""
    return await _file("index.html", http)


@router.head("/docs")
@router.get("/docs")
async def docs(http: Request) -> Response:
    """The API's interactive description."""
    response = await _file("docs.html", http)
    response.headers["Content-Security-Policy"] = DOCS_CONTENT_SECURITY_POLICY
    return response


@router.head("/page/{path:path}")
@router.get("/page/{path:path}")
async def asset(path: str, http: Request) -> Response:
    """A file of the page; 404 for anything outside its folder."""
    return await _file(path, http)


async def _file(path: str, http: Request) -> Response:
    response = await _files.get_response(path, http.scope)
    response.headers.update(_HEADERS)
    return response
