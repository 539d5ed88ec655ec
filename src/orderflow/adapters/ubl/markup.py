"""XML as a tree of elements that know where they stand: read with suspicion, written in one way only.

A document comes from somebody else. Whoever lets a parser follow its entities can be made to fill the memory from a few
lines (a billion laughs, quadratic blow-up) or to read files and addresses on somebody's behalf (external entities). No
document of the trade needs them: one that declares a document type is refused before anything of it is expanded. What
is too long, too deep or has too many elements is refused as well. The parser is Python's own (expat); nothing is ever
fetched.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from orderflow.adapters.ubl.vocabulary import NAMESPACES, PREFIXES
from orderflow.errors import InvalidInput

__all__ = ["Element", "parsed", "rendered"]

_MOST_BYTES: Final = 20_000_000
_MOST_ELEMENTS: Final = 500_000
_DEEPEST: Final = 60


class Element:
    """An element: its name, what it says, what is in it, and the line of the document where it begins.

    ``prefix`` is the customary one of UBL (``cac``, ``cbc``), empty for the document itself, and the whole namespace
    for what is foreign.
    """

    __slots__ = ("_alike", "attributes", "children", "line", "name", "number", "parent", "prefix", "text")

    def __init__(
        self,
        name: str,
        prefix: str = "",
        attributes: Mapping[str, str] | None = None,
        text: str = "",
        line: int = 0,
        parent: Element | None = None,
    ) -> None:
        self.name, self.prefix, self.text, self.line, self.parent = name, prefix, text, line, parent
        self.attributes = dict(attributes or {})
        self.children: list[Element] = []
        self._alike: dict[tuple[str, str], int] = {}
        self.number = parent.counted(self) if parent is not None else 1

    def counted(self, child: Element) -> int:
        """Which of the elements of this name a child of this one is; it is one of the children from now on."""
        key = (child.prefix, child.name)
        self._alike[key] = self._alike.get(key, 0) + 1
        self.children.append(child)
        return self._alike[key]

    @property
    def path(self) -> str:
        """Where it stands, in the manner of XPath: ``/Order/cac:OrderLine[2]/cac:LineItem/cbc:Quantity``."""
        if self.parent is None:
            return f"/{self.name}"
        several = self.parent._alike[(self.prefix, self.name)] > 1
        which = f"[{self.number}]" if several else ""
        prefix = self.prefix if self.prefix in NAMESPACES else f"{{{self.prefix}}}"
        return f"{self.parent.path}/{prefix}{':' if self.prefix in NAMESPACES else ''}{self.name}{which}"

    def walk(self) -> Iterator[Element]:
        """This element and all in it, in the order of the document."""
        yield self
        for child in self.children:
            yield from child.walk()

    def all(self, name: str) -> list[Element]:
        """The elements of UBL of this name directly in it."""
        return [child for child in self.children if child.name == name and child.prefix in NAMESPACES]

    def first(self, *names: str) -> Element | None:
        """The first element on this way down, if there is one."""
        found: Element | None = self
        for name in names:
            if found is None:
                return None
            found = next(iter(found.all(name)), None)
        return found


def parsed(document: bytes | str) -> Element:
    """A document as a tree.

    Raises:
        InvalidInput: ``ubl.not_a_document``, ``ubl.too_large``, ``ubl.too_deep``, ``ubl.declares_entities`` (a document
            type is declared) or ``ubl.not_well_formed``; the message names line and column.
    """
    if not isinstance(document, bytes | str):
        raise InvalidInput.because("ubl.not_a_document", f"must be bytes or text, not {type(document).__name__}")
    content = document.encode("utf-8", "surrogatepass") if isinstance(document, str) else document
    if len(content) > _MOST_BYTES:
        raise InvalidInput.because("ubl.too_large", f"must have at most {_MOST_BYTES} bytes, not {len(content)}")
    return _Growing("utf-8" if isinstance(document, str) else None).read(content)


class _Growing:
    """The tree while it is read."""

    def __init__(self, encoding: str | None) -> None:
        self.parser = expat.ParserCreate(encoding, namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._declared
        self.parser.StartElementHandler = self._begun
        self.parser.EndElementHandler = self._ended
        self.parser.CharacterDataHandler = self._said
        self.root: Element | None = None
        self.open: list[Element] = []
        self.said: list[list[str]] = []
        self.count = 0

    def read(self, content: bytes) -> Element:
        """The root, once everything was read."""
        try:
            self.parser.Parse(content, True)
        except expat.ExpatError as wrong:
            told = f"{expat.ErrorString(wrong.code)}: line {wrong.lineno}, column {wrong.offset}"
            raise InvalidInput.because("ubl.not_well_formed", f"is not well-formed XML: {told}") from None
        except (LookupError, ValueError) as wrong:
            if isinstance(wrong, InvalidInput):
                raise
            raise InvalidInput.because("ubl.not_well_formed", f"cannot be decoded: {wrong}") from None
        assert self.root is not None
        return self.root

    def _declared(self, *told: object) -> None:
        line = self.parser.CurrentLineNumber
        raise InvalidInput.because("ubl.declares_entities", f"must not declare a document type: line {line}")

    def _begun(self, name: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if len(self.open) >= _DEEPEST or self.count > _MOST_ELEMENTS:
            most = f"{_DEEPEST} elements deep, {_MOST_ELEMENTS} in all"
            raise InvalidInput.because("ubl.too_deep", f"must be at most {most}: line {self.parser.CurrentLineNumber}")
        namespace, _, local = name.rpartition(" ")
        parent = self.open[-1] if self.open else None
        prefix = PREFIXES.get(namespace, namespace) if parent is not None else namespace
        made = Element(local, prefix, attributes, line=self.parser.CurrentLineNumber, parent=parent)
        if parent is None:
            self.root = made
        self.open.append(made)
        self.said.append([])

    def _ended(self, name: str) -> None:
        self.open.pop().text = "".join(self.said.pop())

    def _said(self, text: str) -> None:
        self.said[-1].append(text)


def rendered(root: Element) -> bytes:
    """A document of UBL as it is sent: UTF-8, two blanks deep, the same every time."""
    spaces = {f"xmlns:{prefix}": NAMESPACES[prefix] for prefix in ("cac", "cbc")}
    head = {"xmlns": root.prefix, **spaces, **root.attributes}
    rows = ['<?xml version="1.0" encoding="UTF-8"?>', *_rows(root, root.name, head, 0)]
    return ("\n".join(rows) + "\n").encode("utf-8")


def _rows(element: Element, tag: str, attributes: Mapping[str, str], depth: int) -> Iterable[str]:
    blanks, said = "  " * depth, "".join(f" {name}={quoteattr(value)}" for name, value in attributes.items())
    if not element.children:
        yield f"{blanks}<{tag}{said}>{escape(element.text)}</{tag}>"
        return
    yield f"{blanks}<{tag}{said}>"
    for child in element.children:
        yield from _rows(child, f"{child.prefix}:{child.name}", child.attributes, depth + 1)
    yield f"{blanks}</{tag}>"
