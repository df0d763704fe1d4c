"""A browser for page tests that looks at every page it opens: what must be true of all of them is checked each time."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser
from urllib.parse import urlsplit

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

MOST_BYTES = 40 * 1024
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
# Drawn shapes may be closed at once; HTML takes no notice of the slash elsewhere.
FIELDS = frozenset({"input", "select", "textarea"})
SPOKEN_BY_ID = ("aria-labelledby", "aria-describedby", "aria-controls")


@dataclass
class Node:
    """One element of a page."""

    tag: str
    attributes: dict[str, str]
    children: list["Node | str"] = field(default_factory=list)

    def __iter__(self) -> Iterator["Node"]:
        """This element and all within, in the order of the page."""
        return iter(self._within)

    @cached_property
    def _within(self) -> list["Node"]:
        """Read once: every check walks through the whole page."""
        found, waiting = [], [self]
        while waiting:
            node = waiting.pop()
            found.append(node)
            waiting.extend(child for child in reversed(node.children) if isinstance(child, Node))
        return found

    def all(self, tag: str, **wanted: str) -> list["Node"]:
        """The elements within of this tag that have these attributes."""
        return [
            node
            for node in self
            if node.tag == tag and all(node.attributes.get(name) == value for name, value in wanted.items())
        ]

    def with_id(self, name: str) -> "Node":
        """The one element of this id."""
        (found,) = [node for node in self if node.attributes.get("id") == name]
        return found

    def has_id(self, name: str) -> bool:
        return any(node.attributes.get("id") == name for node in self)

    @property
    def classes(self) -> set[str]:
        return set(self.attributes.get("class", "").split())

    @property
    def text(self) -> str:
        """What is read, with single spaces; parts that only the script uses are left out."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag not in {"template", "noscript", "script", "head"}:
                yield " " if child.tag not in {"strong", "a", "span", "time"} else ""
                yield from child._texts()
                yield " " if child.tag not in {"strong", "a", "time"} else ""


class Reader(HTMLParser):
    """Builds the tree, and refuses what a browser would have to guess."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Node("#page", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice: {names}"
        self._end("option", tag, {"option", "optgroup"})
        self._end("optgroup", tag, {"optgroup"})
        node = Node(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        self._end("option", tag, {"optgroup", "select"})
        self._end("optgroup", tag, {"select"})
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def _end(self, name: str, tag: str, enders: set[str]) -> None:
        """No browser has to guess where an option or a group that isn't closed ends: the standard says it."""
        if self.open[-1].tag == name and tag in enders:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read_html(html: str) -> Node:
    """The tree of a page or a partial; every element must be closed."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert [node.tag for node in reader.open] == ["#page"], f"not closed: {[node.tag for node in reader.open]}"
    return reader.root


@dataclass
class Page:
    """A page that was opened and found sound."""

    response: TestResponse
    root: Node

    @property
    def html(self) -> str:
        return self.response.get_data(as_text=True)

    @property
    def text(self) -> str:
        return self.root.text

    @property
    def title(self) -> str:
        (head,) = self.root.all("head")
        (title,) = head.all("title")
        return "".join(child for child in title.children if isinstance(child, str))

    @property
    def heading(self) -> str:
        (heading,) = self.root.all("h1")
        return heading.text

    def with_id(self, name: str) -> Node:
        return self.root.with_id(name)

    def has_id(self, name: str) -> bool:
        return self.root.has_id(name)

    def links(self) -> dict[str, str]:
        """Where the links of the page lead, by what they say."""
        return {link.text: link.attributes["href"] for link in self.root.all("a")}


class PageClient:
    """Opens pages and partials with one test client, and sends forms as a browser would."""

    def __init__(self, client: FlaskClient, brand: str = "Refill") -> None:
        self.client = client
        self.brand = brand

    def open(self, path: str, *, status: int = 200, follow: bool = False, **given: object) -> Page:
        """Open a page and check what every page must be."""
        return self.page_of(self.client.get(path, follow_redirects=follow, **given), status=status)

    def partial(self, path: str, *, status: int = 200, **given: object) -> Page:
        """Ask for a partial as htmx does and check what every partial must be."""
        response = self.client.get(path, headers={"HX-Request": "true"}, **given)
        page = Page(response, read_html(response.get_data(as_text=True)))
        assert response.status_code == status, page.html
        check_anywhere(page)
        assert not page.root.all("html"), "a partial is no page"
        return page

    def submit(self, page: Page, form_id: str, **typed: str) -> TestResponse:
        """Send a form of a page with its hidden fields; `typed` stands over them."""
        form = page.with_id(form_id)
        fields = {node.attributes["name"]: node.attributes.get("value", "") for node in form.all("input")}
        assert form.attributes["method"] == "post"
        return self.client.post(form.attributes["action"], data={**fields, **typed})

    def page_of(self, response: TestResponse, *, status: int = 200) -> Page:
        """The page in an answer, checked."""
        html = response.get_data(as_text=True)
        assert response.status_code == status, (response.status_code, response.headers.get("Location"), html[:2000])
        page = Page(response, read_html(html))
        check_anywhere(page)
        check_page(page, self.brand)
        return page


def check_page(page: Page, brand: str) -> None:
    """What holds for whole pages."""
    assert page.html.lower().startswith("<!doctype html>")
    assert len(page.response.data) < MOST_BYTES, len(page.response.data)
    name, _, of = page.title.partition(" · ")
    assert (name.strip(), of) == (name, brand), page.title
    assert page.heading
    (html,) = page.root.all("html")
    assert html.attributes["lang"] == "en"
    (main,) = page.root.all("main")
    assert main.attributes["id"] == "main"
    assert page.root.all("a", href="#main"), "no skip link"
    assert page.with_id("live").text == "", "#live speaks of changes only"
    assert page.with_id("live").attributes["role"] == "status"
    ids = {node.attributes.get("id") for node in page.root}
    for node in page.root:
        for attribute in (*SPOKEN_BY_ID, "for"):
            for name in node.attributes.get(attribute, "").split():
                assert name in ids, f"{attribute}={name} names nothing"
    for link in page.root.all("a"):
        href = link.attributes["href"]
        assert link.text, f"a link to {href} says nothing"
        if href.startswith("#"):
            assert href[1:] in ids, f"{href} leads nowhere"


def check_anywhere(page: Page) -> None:
    """What holds for pages and partials."""
    response = page.response
    assert response.mimetype == "text/html"
    assert response.headers["Cache-Control"] == "private, no-store"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]
    assert "Vary" not in response.headers or response.headers["Vary"] == "Cookie"
    for broken in ("{{", "{%", "None", "undefined", "&amp;amp;"):
        assert broken not in page.html, broken
    ids = [node.attributes["id"] for node in page.root if "id" in node.attributes]
    assert len(ids) == len(set(ids)), f"ids twice: {sorted(name for name in ids if ids.count(name) > 1)}"
    for node in page.root:
        check_node(node)
    check_fields(page.root)


def check_node(node: Node) -> None:
    """No inline style or script, nothing that needs eval, every control sendable without a script."""
    for name, value in node.attributes.items():
        assert name != "style", node
        assert not name.startswith(("on", "hx-on", "data-hx-")), f"{name} on <{node.tag}>"
        assert name not in {"hx-boost", "hx-vals", "hx-headers", "hx-disable", "hx-disabled-elt"}, name
        assert not value.strip().lower().startswith(("javascript:", "js:")), value
    assert "[" not in node.attributes.get("hx-trigger", ""), "trigger filters need eval"
    if {"hx-get", "hx-post"} & node.attributes.keys():
        assert {"hx-target", "hx-swap"} <= node.attributes.keys(), f"{node.tag} inherits nothing"
    assert node.tag != "style", "inline style"
    CHECKS.get(node.tag, lambda _: None)(node)


def check_script(node: Node) -> None:
    assert node.attributes.get("src"), "inline script"
    assert "defer" in node.attributes
    if urlsplit(node.attributes["src"]).netloc:
        assert node.attributes["integrity"].startswith("sha384-")
        assert node.attributes["crossorigin"] == "anonymous"


def check_form(node: Node) -> None:
    assert node.attributes.get("action"), "a form without an action"
    assert node.attributes.get("method") in {"get", "post"}
    if node.attributes["method"] == "post":
        assert node.all("input", type="hidden", name="csrf_token"), "a form without a CSRF token"


def check_button(node: Node) -> None:
    assert node.attributes.get("type") in {"submit", "button"}
    assert node.text or node.attributes.get("aria-label"), "a button without a name"


def check_image(node: Node) -> None:
    assert "alt" in node.attributes


def check_time(node: Node) -> None:
    assert node.attributes["datetime"].endswith("Z"), "<time> carries UTC"


CHECKS = {"script": check_script, "form": check_form, "button": check_button, "img": check_image, "time": check_time}


def check_fields(root: Node) -> None:
    """Every field that can be seen has a label."""
    labelled = {label.attributes.get("for") for label in root.all("label")}
    inside = {id(node) for label in root.all("label") for node in label if node.tag in FIELDS}
    for node in root:
        if node.tag in FIELDS and node.attributes.get("type") != "hidden":
            named = node.attributes.get("id") in labelled or id(node) in inside or node.attributes.get("aria-label")
            assert named, f"{node.attributes} has no label"
