"""The reference pages, made from the source: ``uv run docs/generate.py``; a test fails while one of them is stale.

- ``stages.md``: the stages in their order, with commands, events, and what each asks of systems outside;
- ``commands.md``: each command, its fields, its rules by tier with the codes they tell;
- ``errors.md``: every stable code, in the order in which they are met;
- ``tracking.md``: the twelve statuses and what may follow what;
- ``cases.md``: every exception case, its options, and what each does;
- ``policy.md``: the standard policy as a table;
- ``changes.md``: what can be changed of an order that was placed, the stages, and who may;
- ``api.md``: every public name in one sentence.

Codes are read off the source, not off a list: a rule whose codes cannot be read stops the generator.
"""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import attrs

from orderflow.adapters.vocabularies import EASYPOST, KARRIO, Vocabulary
from orderflow.change_rules import MODIFICATIONS
from orderflow.change_rules import STAGES as STAGES_OF_GOODS
from orderflow.defaults import STANDARD
from orderflow.policy_table import changes_table, policy_table
from orderflow.process import STAGES
from orderflow.stages import advices, losses
from orderflow.stages.permission import denied
from orderflow.stages.stage import Decision
from orderflow.tracking import Reason, TrackingStatus, follow_table

FOLDER = Path(__file__).parent / "reference"
SOURCE = Path(inspect.getfile(importlib.import_module("orderflow"))).parent
MADE = "This page is generated: `uv run docs/generate.py`."

#: What the source says with a name that only a run would know: (function, the text as written) to the codes.
SPOKEN = {
    ("a_shipment_is_there", "shipping.{code}"): ("shipping.not_booked", "shipping.nothing_packed"),
    ("kits_are_whole", "{stage}.broken_kit"): ("amendment.broken_kit", "cancellation.broken_kit"),
    ("kits_are_whole", "{stage}.kit_and_component"): ("amendment.kit_and_component", "cancellation.kit_and_component"),
    ("_wrong", "codec.{code}"): (),  # the callers are read instead
}
#: Rules that only pass on what another rule says.
PASSES_ON = {"orderflow.stages.steps._holds": ("orderflow.stages.stage.nothing_holds", "command.step")}


# -- reading codes off the source ------------------------------------------------------------------------------------


class Told(NamedTuple):
    """A code where it is told: what it says, by whom, of what kind."""

    code: str
    says: str
    where: str
    function: str
    kind: str
    options: tuple[str, ...] = ()


def text_of(node: ast.expr, known: dict[str, Any]) -> str:
    """A string as the source has it; what is not known stays in braces."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part, known) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        name = ast.unparse(node.value)
        return str(known[name]) if name in known else f"{{{name}}}"
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return text_of(node.left, known) + text_of(node.right, known)
    if isinstance(node, ast.IfExp):
        return ""
    return f"{{{ast.unparse(node)}}}"


def shown(says: str) -> str:
    """A sentence with an ellipsis where the run fills something in."""
    return re.sub(r"\{[^{}]*(\{[^{}]*\}[^{}]*)*\}", "…", says).replace("|", "\\|").replace("\n", " ")


def codes_in(text: str, function: str) -> tuple[str, ...]:
    if "{" not in text:
        return (text,)
    spoken = SPOKEN.get((function, text))
    if spoken is None:
        raise SystemExit(f"{function} tells {text!r}, and nobody says which codes these are: see SPOKEN")
    return spoken


#: The call that tells a code, where its code and its sentence stand, and of what kind that is.
CALLS = {
    "Violation": (0, 1, "violation"),
    "InvalidInput.because": (0, 1, "invalid"),
    "problems.add": (0, 1, "invalid"),
    "_wrong": (0, 1, "invalid"),
    "raised": (1, 3, "case"),
    "ExceptionRaised": (2, 4, "case"),
    "Anomaly": (0, 1, "anomaly"),
}


def told_by(call: ast.Call, function: str, where: str, known: dict[str, Any]) -> Iterator[Told]:
    """The codes that one call tells, if it is one that tells codes."""
    name = ast.unparse(call.func)
    found = CALLS.get(name)
    if found is None or len(call.args) <= found[1]:
        return
    code, says, kind = call.args[found[0]], call.args[found[1]], found[2]
    if not isinstance(code, ast.Constant | ast.JoinedStr):
        return
    text = text_of(code, known)
    prefix = "codec." if name == "_wrong" else ""
    sentence = f"must be {text_of(says, known)}" if name == "_wrong" else text_of(says, known)
    options = [_texts(arg) for arg in call.args[found[1] + 1 :]] if kind == "case" else []
    for one in codes_in(prefix + text, function):
        yield Told(one, sentence, where, function, kind, next((o for o in options if o), ()))


def _texts(node: ast.expr) -> tuple[str, ...]:
    if isinstance(node, ast.Tuple) and all(isinstance(e, ast.Constant) for e in node.elts):
        return tuple(str(e.value) for e in node.elts if isinstance(e, ast.Constant))
    return ()


def told_in_module(path: Path) -> Iterator[Told]:
    """Every code that a module tells, from top to bottom."""
    where = ".".join(("orderflow", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")

    def walk(node: ast.AST, function: str) -> Iterator[Told]:
        for child in ast.iter_child_nodes(node):
            inner = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else function
            if isinstance(child, ast.Call):
                yield from told_by(child, function, where, _outer_names(child, function))
            yield from walk(child, inner)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), "")


def _outer_names(call: ast.Call, function: str) -> dict[str, Any]:
    """Rules made for a step, or for a command, name it in their codes: shown with a star."""
    made = {
        "the_order_may_take_this_step": {"step": "*"},
        "the_fulfillment_may_take_this_step": {"step": "*"},
        "the_return_may_take_this_step": {"step": "*"},
        "no_more_is_handled_than_is_there": {"code": "*.takes"},
    }
    return made.get(function, {})


# -- commands.md -----------------------------------------------------------------------------------------------------


def rule_codes(rule: Callable[..., Any]) -> tuple[str, ...]:
    """The codes a rule may tell, read off its source and what it was made with."""
    inside = f"{rule.__module__}.{rule.__qualname__}"
    if inside in PASSES_ON:
        return tuple(dict.fromkeys(_codes_of(_found(PASSES_ON[inside][0]), {})))
    return tuple(dict.fromkeys(_codes_of(rule, dict(inspect.getclosurevars(rule).nonlocals))))


def _codes_of(function: Callable[..., Any], known: dict[str, Any]) -> Iterator[str]:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for told in told_by(node, function.__name__, "", known):
                yield told.code


def _found(path: str) -> Callable[..., Any]:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]


def rule_name(rule: Callable[..., Any]) -> str:
    """The name of a rule, and for what it was made."""
    inside = f"{rule.__module__}.{rule.__qualname__}"
    if inside in PASSES_ON:
        maker, argument = PASSES_ON[inside]
        return f"{maker.rpartition('.')[2]}({argument})"
    outer, _, inner = rule.__qualname__.partition(".<locals>.")
    if not inner:
        return outer
    known = inspect.getclosurevars(rule).nonlocals
    return f"{outer}({', '.join(repr(known[n]) for n in ('step', 'code') if n in known)})".replace("'", '"')


def rule_sentence(rule: Callable[..., Any]) -> str:
    """What a rule says, in its docstring or in that of the function that made it."""
    inside = f"{rule.__module__}.{rule.__qualname__}"
    if inside in PASSES_ON:
        return plain(first_line(_found(PASSES_ON[inside][0])))
    outer = rule.__qualname__.partition(".<locals>.")[0]
    return plain(first_line(rule) or first_line(getattr(sys.modules[rule.__module__], outer, None)))


def first_line(held: object) -> str:
    """The first sentence of a docstring."""
    doc = inspect.getdoc(held) if held is not None else None
    return doc.strip().partition("\n\n")[0].replace("\n", " ").strip() if doc else ""


def plain(said: str) -> str:
    """A docstring's sentence as Markdown."""
    return re.sub(r"``?([^`]+)``?", r"`\1`", said).replace("|", "\\|")


def commands() -> str:
    """The page of commands."""
    parts = ["# Commands", MADE, COMMANDS]
    for stage in STAGES:
        if stage.decisions:
            parts += [
                f"## {stage.name.capitalize()}",
                _subject(importlib.import_module(f"orderflow.stages.{stage.name}")),
            ]
            parts += [part for decision in stage.decisions for part in _command(decision)]
    return "\n\n".join(parts) + "\n"


COMMANDS = """\
Every command names its order and may be refused. Its fields are checked when it is made: what they cannot be is told at
once, all of it, as `InvalidInput`. Its rules are asked when it is handled, tier by tier; the first tier with a broken
rule refuses the command with everything that is broken in it, as `CommandRefused`. A host's own rules
(`Policy.rules`) are the last tier. A command that was refused has changed nothing.

`explain(order)` runs the same rules. The codes are explained, with all others, on the [page of errors](errors.md)."""


def _subject(module: ModuleType) -> str:
    """What a stage is about, without its name in front."""
    said = plain(first_line(module))
    subject = said.partition(": ")[2] or said
    return subject[:1].upper() + subject[1:]


def _command(decision: Decision) -> Iterator[str]:
    cls = decision.command
    yield f"### {cls.__name__}"
    yield f"`{cls.TAG}`. {_doc(cls)}"
    rows = ["| field | type | default |", "| --- | --- | --- |"]
    rows += [f"| `{field.name}` | `{_type(cls, field.name)}` | {_default(field)} |" for field in attrs.fields(cls)]
    yield "\n".join(rows)
    rows = ["| tier | rule | it says | codes |", "| --- | --- | --- | --- |"]
    for number, tier in enumerate(tiers_of(decision), 1):
        for rule in tier:
            codes = ", ".join(f"`{code}`" for code in rule_codes(rule))
            rows.append(f"| {number} | `{rule_name(rule)}` | {rule_sentence(rule)} | {codes} |")
    yield "\n".join(rows)


def tiers_of(decision: Decision) -> tuple[tuple[Callable[..., Any], ...], ...]:
    """The rules of a command by tier: ours, then those about who may give it."""
    by_whom = (*((denied,) if decision.modifies is not None else ()), *decision.for_whom)
    return (*decision.tiers, by_whom) if by_whom else decision.tiers


def _doc(cls: type) -> str:
    doc = inspect.getdoc(cls) or ""
    return plain(re.sub(r"\s*\n\s*", " ", doc).strip())


def _type(cls: type, name: str) -> str:
    """The type of a field as the source writes it."""
    return str(inspect.get_annotations(cls)[name]).replace("|", "\\|")


def _default(field: Any) -> str:
    if field.default is attrs.NOTHING:
        return "required"
    return f"`{field.default!r}`" if field.default != "" else "empty"


# -- stages.md -------------------------------------------------------------------------------------------------------

STAGES_PAGE = """\
Each stage is one module in `orderflow/stages/`, with its commands, rules, events, requests and cases. They stand in the
order in which goods and papers pass through them; the story that goes with it is told in
[the way of an order](../explanation/process.md). Commands are described, with their rules, on
[a page of their own](commands.md), cases with their options on [another](cases.md)."""


def stages() -> str:
    """The page of stages."""
    parts = ["# Stages", MADE, STAGES_PAGE]
    for stage in STAGES:
        module = importlib.import_module(f"orderflow.stages.{stage.name}")
        asks = [".".join(request.PORT) for request in stage.answers]
        codes = sorted({code for code, _ in stage.settles})
        rows = {
            "commands": [command.__name__ for command in stage.commands],
            "events": [event.__name__ for event in stage.events],
            "asks": asks,
            "cases": codes,
        }
        told = [f"- {what}: " + ", ".join(f"`{name}`" for name in named) for what, named in rows.items() if named]
        parts += [f"## {stage.name.capitalize()}", _subject(module), *(["\n".join(told)] if told else [])]
    return "\n\n".join(parts) + "\n"


# -- errors.md -------------------------------------------------------------------------------------------------------


def modules() -> list[Path]:
    """The modules whose codes are ours, from the ground up; adapters have codes of their own."""
    order = ("values", "lifecycle", "stages", "tracking", "ports", "messages", "codec", "stores", "runtime")
    found = [
        path for path in sorted(SOURCE.rglob("*.py")) if "adapters" not in path.parts and "testing" not in path.parts
    ]
    rank = {name: number for number, name in enumerate(order)}
    return sorted(found, key=lambda path: (rank.get(path.relative_to(SOURCE).parts[0].removesuffix(".py"), 99), path))


def all_told() -> list[Told]:
    """Every code that is told anywhere."""
    return [told for path in modules() for told in told_in_module(path)]


def error_classes() -> list[tuple[str, str, str]]:
    """Errors that are their own code: name, code, sentence."""
    found: dict[str, tuple[str, str, str]] = {}
    for path in modules():
        where = ".".join(("orderflow", *path.relative_to(SOURCE).with_suffix("").parts)).removesuffix(".__init__")
        if where.endswith("__main__"):
            continue
        for name, held in vars(importlib.import_module(where)).items():
            code = getattr(held, "code", None) if isinstance(held, type) and issubclass(held, Exception) else None
            if isinstance(code, str):
                found.setdefault(name, (name, code, first_line(held)))
    return sorted(found.values(), key=lambda row: row[1])


def errors() -> str:
    """The page of errors."""
    told = all_told()
    invalid = [t for t in told if t.kind == "invalid" or _is_input(t)]
    lifecycle = [t for t in told if t.kind == "violation" and ".lifecycle" in t.where]
    blockers = [t for t in told if t.function == "blockers" or t.where.endswith(".objections")]
    cases = told_cases()
    anomalies = [t for t in told if t.kind == "anomaly"]
    remarks = [t for t in told if t.function == "past_their_day"]
    classes = {name: (name, code, says) for name, code, says in error_classes()}
    parts = ["# Errors", MADE, ERRORS]
    parts += ["## 1. A value cannot be what it says it is: `InvalidInput`", INVALID, _table(invalid)]
    parts += ["## 2. A command meets the record", BEFORE]
    parts += [_class_table(classes, ("CommandIdReused", "UnknownOrder", "NewerVersion", "UnknownType"))]
    parts += ["## 3. The order has moved on: `VersionConflict`", VERSION, _class_table(classes, ("VersionConflict",))]
    parts += ["## 4. A command may not happen now: `CommandRefused`", REFUSED, _refusals()]
    parts += ["## 5. The change cannot be kept", KEEP, _class_table(classes, ("DuplicateOrder",))]
    parts += ["## 6. Ports", PORTS, _class_table(classes, ("PortUnavailable",))]
    rest = [n for n in classes if n not in SAID_ABOVE]
    parts += ["## 7. Reading what was stored", READING, _class_table(classes, rest)]
    parts += ["## 8. A lifecycle cannot work: `LifecycleError`", LIFECYCLE, _table(lifecycle)]
    parts += ["## Codes that are no errors", NO_ERRORS]
    parts += ["### What an order lacks before it is verified", "In `Explanation.missing`.", _table(blockers)]
    parts += ["### Exception cases", CASES, _case_table(cases)]
    parts += ["### Anomalies", "In `order.anomalies`: facts that do not fit; kept, flagged.", _table(anomalies)]
    parts += ["### Warnings on record", "In `WarningRecorded`: they refuse nothing.", _table(remarks)]
    return "\n\n".join(parts) + "\n"


SAID_ABOVE = (
    "CommandIdReused",
    "UnknownOrder",
    "NewerVersion",
    "UnknownType",
    "VersionConflict",
    "DuplicateOrder",
    "PortUnavailable",
    "PortRefused",
)
ERRORS = """\
Every error is an `OrderflowError`. Those that carry reasons have `violations` (code, message, path, severity, remedy)
and `codes`; the others have one `code`. Codes are stable: programs may rely on them, never on the words beside them.

The chapters stand in order of precedence: when several things are wrong, the first of them is told. Within one chapter
everything that is wrong is told at once (chapter 4: everything in the first broken tier). A star stands for the name of
a step or a field."""
INVALID = """\
Raised while a value or a command is made, before any order is looked at. All problems are told, each with its path
(`lines[0].quantity`). `InvalidInput` is also a `ValueError`."""
BEFORE = """\
`OrderFlow.handle` looks up the command id first: one that is on record with the same body is answered as the first
time, with another body it is refused. Then the order is loaded. `UnknownOrder` is raised by what reads (`get`,
`history`, `advance`); a command about an order that does not exist is refused with `order.unknown`."""
VERSION = """\
Only where the sender named an `expected_version`: it is told before any rule is asked. Without one, a command that
met a changed order is decided anew."""
REFUSED = """\
Nothing has happened. In the order of the tiers; which command has which rule is on the [page of commands](commands.md).
A host's own rules come last."""
KEEP = "Told by the store, after every rule was satisfied. Nothing has happened."
PORTS = """\
`handle` never raises these: what a port did not answer is asked again, and what it refused is concluded. They are what
an adapter raises. `PortRefused` carries the code of whoever refused; the codes of the adapters in memory stand in their
docstrings."""
READING = "Raised by the codec and the stores. An order that cannot be read is left alone; the others go on."
LIFECYCLE = "Raised when a lifecycle is written down, with every reason. `LifecycleError` is also a `ValueError`."
NO_ERRORS = "They tell where an order stands. Nothing raises them."
CASES = """\
`ExceptionRaised` opens a case; `ResolveException` closes it with one of its options. A request that a case is about is
not asked until then."""


def _is_input(told: Told) -> bool:
    return told.kind == "violation" and not any(part in told.where for part in (".stages", ".lifecycle"))


def _table(told: Iterable[Told]) -> str:
    """Codes with what they say and where they are raised."""
    merged: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    for one in told:
        says, where = merged.setdefault(one.code, ({}, {}))
        if shown(one.says).strip("… "):
            says[shown(one.says)] = None
        where[f"`{one.where}`"] = None
    rows = ["| code | it says | raised in |", "| --- | --- | --- |"]
    rows += [f"| `{code}` | {'; '.join(says)} | {', '.join(where)} |" for code, (says, where) in merged.items()]
    return "\n".join(rows)


def _class_table(classes: dict[str, tuple[str, str, str]], names: Iterable[str]) -> str:
    rows = ["| code | error | it says |", "| --- | --- | --- |"]
    rows += [f"| `{classes[name][1]}` | `{name}` | {classes[name][2]} |" for name in names]
    return "\n".join(rows)


def _refusals() -> str:
    """The codes of all rules by their place among the tiers, with the commands that have them."""
    found: dict[str, tuple[int, str, dict[str, None]]] = {}
    for stage in STAGES:
        for decision in stage.decisions:
            for number, tier in enumerate(tiers_of(decision), 1):
                for rule in tier:
                    for code in rule_codes(rule):
                        place, says, names = found.setdefault(code, (number, rule_sentence(rule), {}))
                        names[decision.command.__name__] = None
                        found[code] = (min(place, number), says, names)
    rows = ["| tier | code | the rule | refuses |", "| --- | --- | --- | --- |"]
    for code, (place, says, names) in sorted(found.items(), key=lambda item: item[1][0]):
        told = ", ".join(names) if len(names) < 8 else "every command on an order"
        rows.append(f"| {place} | `{code}` | {says} | {told} |")
    return "\n".join(rows)


def _case_table(cases: Iterable[Told]) -> str:
    merged: dict[str, tuple[dict[str, None], dict[str, None], dict[str, None]]] = {}
    for one in cases:
        says, options, where = merged.setdefault(one.code, ({}, {}, {}))
        if shown(one.says).strip("… "):
            says[shown(one.says)] = None
        options.update(dict.fromkeys(one.options or OPTIONS.get((one.code, one.function), ())))
        where[f"`{one.where}`"] = None
    settled = {code: dict.fromkeys(o for s in STAGES for c, o in s.settles if c == code) for code in merged}
    rows = ["| code | options | raised in |", "| --- | --- | --- |"]
    for code, (_, options, where) in merged.items():
        offered = ", ".join(f"`{o}`" for o in {**options, **settled[code]})
        rows.append(f"| `{code}` | {offered} | {', '.join(where)} |")
    return "\n".join(rows)


# -- cases.md --------------------------------------------------------------------------------------------------------

CASE_PAGE = """\
A case is raised when somebody must choose how to go on. `ResolveException` chooses; so does `Policy.settle`, without a
person. Each option closes its case. Cases whose reason is gone close by themselves, as `filled` or `moot`. How to work
with them: [settle exceptions](../howto/settle-exceptions.md)."""
#: What an option does that needs nothing but the case to be closed.
BY_CLOSING = {
    "try_again": "The request is asked again, in the same words and under the same key.",
    "settled": "Someone has seen to it.",
    "keep_booking": "The booking stays, and the parcels travel under it.",
    "customer_keeps": "The customer keeps what came beyond the order, and pays nothing for it.",
    "collect": "What came beyond the order is fetched back; someone sees to it.",
}


def cases() -> str:
    """The page of exception cases."""
    known: dict[str, dict[str, None]] = {}
    for one in told_cases():
        offered = one.options or OPTIONS.get((one.code, one.function), ())
        known.setdefault(one.code, {}).update(dict.fromkeys(offered))
    for stage in STAGES:
        for code, option in stage.settles:
            known.setdefault(code, {})[option] = None
    rows = ["| code | option | what it does |", "| --- | --- | --- |"]
    for code in sorted(known):
        for option in known[code]:
            rows.append(f"| `{code}` | `{option}` | {settled_by(code, option)} |")
    return "\n\n".join(["# Exception cases", MADE, CASE_PAGE, "\n".join(rows)]) + "\n"


def told_cases() -> list[Told]:
    """Every case that is raised: by a code that stands in the source, or is the problem of a parcel."""
    written = [t for t in all_told() if t.kind == "case"]
    named = {"orderflow.stages.losses": losses.CODES, "orderflow.stages.advices": advices.CASES}
    return written + [Told(c, "", where, "", "case", held) for where, cs in named.items() for c, held in cs.items()]


def settled_by(code: str, option: str) -> str:
    """What an option of a case does, in the words of the function that does it."""
    does = [settle for stage in STAGES for key, settle in stage.settles.items() if key == (code, option)]
    said = [plain(first_line(settle)) for settle in does] or [BY_CLOSING[option]]
    assert all(said), f"nobody says what {option} does about {code}"
    return " ".join(said)


#: Options that a function puts together: (code, function) to all it may offer.
OPTIONS = {
    ("port.gave_up", "given_up"): ("try_again", "not_booked", "give_up"),
    ("pricing.refused", "_quote_answered"): ("try_again", "cancel_order"),
    ("shipping.shared_box", "_asked_about_the_box"): ("taken_out", "void_booking", "stays_in"),
    ("shipping.void_declined", "_void_answered"): ("settled", "try_again", "keep_booking"),
}


# -- tracking.md -----------------------------------------------------------------------------------------------------

STATUSES = {
    "pending": "The carrier knows of the parcel and has not seen it.",
    "picked_up": "The carrier has it.",
    "in_transit": "It is on its way.",
    "out_for_delivery": "It is on the van.",
    "ready_for_pickup": "It waits for the customer at a shop, a locker, a depot.",
    "delivered": "It reached the customer.",
    "delivery_delayed": "It is on its way, and late.",
    "delivery_failed": "An attempt to deliver it failed; another may follow.",
    "on_hold": "It waits for somebody: customs, an address, a payment.",
    "return_to_sender": "It turned back.",
    "cancelled": "The carrier was told not to carry it.",
    "unknown": "The carrier said something that fits nothing else. Never moves the parcel.",
}
TRACKING = """\
Carriers use hundreds of codes. An adapter maps them to these twelve and keeps the carrier's own in `Scan.raw`; what is
behind a status (attempted, damaged, customs …) goes into `Scan.reason`, and `Scan.action_required` says that somebody
must do something."""
FOLLOWS = """\
Rows came first, columns come after. A report that may not follow is kept and flagged as an anomaly
(`tracking.cannot_follow`); it does not move the parcel. So a late "in transit" does not undo a delivery; "return to
sender" does.

Reports are a set, folded in one order: when they occurred, then how far along their status is, then their id. In
whatever order they arrive, and however often, the tracking is the same."""


REASONS = {
    "attempted": "The carrier tried, and nobody says why it did not work.",
    "absent": "Nobody was there.",
    "closed": "A business was closed.",
    "refused": "The recipient did not take it.",
    "address": "The address is wrong or incomplete, or was corrected.",
    "access": "The carrier could not get to the door.",
    "identity": "Who took it could not be established.",
    "recipient": "The recipient did not want it any more.",
    "sender": "The sender has to do something, or did it wrong.",
    "packaging": "Size, weight or packaging are not what was said, or not fit.",
    "damaged": "It was damaged. A case: `delivery.damaged`.",
    "lost": "It is lost. A case: `delivery.lost`.",
    "missorted": "It went the wrong way.",
    "capacity": "There was no room, or no time.",
    "carrier": "Something at the carrier.",
    "customs": "It is with customs.",
    "duties": "Duties or taxes are to be paid.",
    "prohibited": "It may not be carried, or not brought in.",
    "security": "An authority, or the carrier's own security, has it.",
    "weather": "The weather.",
    "disaster": "Something that nobody could help.",
    "expired": "Nothing was heard of it for too long.",
}
REASON = """\
The words to which carriers' reasons are normalised (`orderflow.tracking.Reason`). A `Scan` takes any other word, too.

A parcel is *lost* from the first report on that says so by its reason, under whatever status, until one that may follow
says where it is: then it was found. Failed attempts, delays and damage only add up, whatever may follow what; attempts
and delays are counted by their moment."""
VOCABULARY = """\
Readers of what they send: `orderflow.adapters.vocabularies` ([how to](../howto/translate-a-carrier.md)). A detail that
says where the parcel is refines the statuses `in_transit` and `unknown`; others it leaves as they are. *Act* stands for
`action_required`."""


def tracking() -> str:
    """The page of tracking."""
    assert set(STATUSES) == {str(status) for status in TrackingStatus}
    assert set(REASONS) == {str(reason) for reason in Reason}
    rows = ["| status | meaning |", "| --- | --- |"]
    rows += [f"| `{status}` | {STATUSES[status]} |" for status in TrackingStatus]
    parts = ["# Tracking", MADE, TRACKING, "\n".join(rows), "## What may follow what", FOLLOWS, follow_table()]
    behind = ["| reason | meaning |", "| --- | --- |", *(f"| `{reason}` | {REASONS[reason]} |" for reason in Reason)]
    parts += ["## Reasons", REASON, "\n".join(behind), "## Carriers' words", VOCABULARY]
    for vocabulary in (EASYPOST, KARRIO):
        parts += [f"### {vocabulary.name}", f"Source: <{vocabulary.source}>.", _words(vocabulary)]
    return "\n\n".join(parts) + "\n"


def _words(vocabulary: Vocabulary) -> str:
    """The words of a vocabulary, and what they mean."""
    rows = ["| word | kind | status | reason | act |", "| --- | --- | --- | --- | --- |"]
    for kind, words in (("status", vocabulary.statuses), ("detail", vocabulary.details)):
        for word, meaning in words.items():
            status = f"`{meaning.status}`" if meaning.status is not None else ""
            reason = f"`{meaning.reason}`" if meaning.reason else ""
            rows.append(f"| `{word}` | {kind} | {status} | {reason} | {'yes' if meaning.action_required else ''} |")
    return "\n".join(rows)


# -- policy.md -------------------------------------------------------------------------------------------------------

POLICY = """\
What the standard policy says, drawn by `orderflow.policy_table.policy_table(STANDARD)`. Draw your own the same way. How
to change one is told in [Change the policy](../howto/change-the-policy.md)."""


def policy() -> str:
    """The page of the standard policy."""
    return "\n\n".join(["# The standard policy", MADE, POLICY, policy_table(STANDARD)])


# -- changes.md ------------------------------------------------------------------------------------------------------

CHANGES = """\
What can be asked for of an order that was placed, how far its goods can be, and who may: the standard policy
(`Policy.changes`). The first rule that fits a change, a stage and an actor decides; how to write others is told in
[Amend](../howto/amend.md#who-may). What nobody can do (take back what has left) no rule allows."""


def changes() -> str:
    """The page of what may still change."""
    parts = ["# What may still change", MADE, CHANGES]
    parts += ["## The rules", changes_table(STANDARD)]
    parts += ["## Changes", _meanings("change", MODIFICATIONS), "## Stages", CHANGE_STAGES]
    return "\n\n".join([*parts, _meanings("stage", STAGES_OF_GOODS)]) + "\n"


CHANGE_STAGES = """\
Where a change takes units, or redirects them, its stage is that of the furthest of these units. Of any other change it
is that of the furthest unit of the line; of one that is about no line, of the order."""


def _meanings(what: str, said: Mapping[str, str]) -> str:
    rows = [f"| {what} | means |", "| --- | --- |", *(f"| `{name}` | {meaning} |" for name, meaning in said.items())]
    return "\n".join(rows)


# -- api.md ----------------------------------------------------------------------------------------------------------

PUBLIC = (
    "orderflow",
    "orderflow.process",
    "orderflow.explain",
    "orderflow.policy",
    "orderflow.change_rules",
    "orderflow.policy_table",
    "orderflow.defaults",
    "orderflow.ports",
    "orderflow.lifecycle",
    "orderflow.order",
    "orderflow.ledger",
    "orderflow.charges",
    "orderflow.tracking",
    "orderflow.totals",
    "orderflow.promise",
    "orderflow.consignment",
    "orderflow.sources",
    "orderflow.telling",
    "orderflow.texts",
    "orderflow.calendars",
    "orderflow.cartons",
    "orderflow.papers",
    "orderflow.proposals",
    "orderflow.messages",
    "orderflow.audit",
    "orderflow.commands",
    "orderflow.events",
    "orderflow.stages.stage",
    "orderflow.errors",
    "orderflow.values",
    "orderflow.codec",
    "orderflow.stores",
    "orderflow.runtime",
    "orderflow.adapters.memory",
    "orderflow.adapters.vocabularies",
    "orderflow.adapters.ubl",
    "orderflow.adapters.holidays",
)
API = """\
What is named here is public: it changes only with a note in the changelog. Everything else may change at any time. The
whole docstrings are in the source, and `help()` shows them."""


def api() -> str:
    """The page of public names."""
    parts = ["# Public names", MADE, API]
    for path in PUBLIC:
        module = importlib.import_module(path)
        rows = ["| name | meaning |", "| --- | --- |"]
        rows += [f"| `{name}` | {_meaning(module, name)} |" for name in module.__all__]
        parts += [f"## `{path}`", plain(first_line(module)), "\n".join(rows)]
    return "\n\n".join(parts) + "\n"


def _meaning(module: ModuleType, name: str) -> str:
    held = getattr(module, name)
    if isinstance(held, ModuleType | type) or inspect.isroutine(held) or hasattr(held, "__wrapped__"):
        said = first_line(held)
    else:
        said = CONSTANTS.get(name) or constant_docs().get(name) or ""
    if not said:
        raise SystemExit(f"{module.__name__}.{name} says nothing about itself: write a docstring, or see CONSTANTS")
    return plain(said)


#: Values and aliases whose source says nothing beside them.
CONSTANTS = {
    "STANDARD": "The standard policy: strategies that are right for most.",
    "SYSTEM": "The actor of what happens by itself.",
    "OPEN": "Account: ordered, and not yet given to any location.",
    "BACKORDERED": "Account: sold, awaiting stock.",
    "CANCELLED": "Account: not wanted any more.",
    "CLOSED_SHORT": "Account: within tolerance not sent, and not owed any more.",
    "RESTOCKED": "Account: came back, and on the shelf again.",
    "SCRAPPED": "Account: came back, and thrown away.",
    "SENT_BACK": "Account: came back, and sent to the customer again.",
    "ORDERED": "Source: units of the order.",
    "SURPLUS": "Source: units that came beyond the order.",
    "Account": "Where units of a line are: `open`, `packed:P1`, `delivered:P1`.",
    "REPLIES": "Every kind of reply.",
    "REQUESTS": "Every kind of request.",
    "Reply": "Any of the replies.",
    "EXACT": "The private decimal context of all arithmetic: nothing is rounded, no host setting is looked at.",
    "CURRENCY_DIGITS": "How many digits each currency of ISO 4217 has.",
    "Document": "A JSON object.",
    "Upcaster": "Takes the fields of a document of one version, gives those of the next.",
}


@functools.cache
def constant_docs() -> dict[str, str]:
    """What the source says about its values: a comment ``#:`` above, or a text below."""
    found: dict[str, str] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines, body = text.splitlines(), ast.parse(text).body
        for node, after in zip(body, [*body[1:], None], strict=True):
            if isinstance(node, ast.Assign | ast.AnnAssign):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                said = _said_beside(lines, node.lineno, after)
                if isinstance(target, ast.Name) and said:
                    found.setdefault(target.id, said)
    return found


def _said_beside(lines: list[str], number: int, after: ast.stmt | None) -> str:
    above = []
    while number > 1 and lines[number - 2].startswith("#:"):
        above.insert(0, lines[number - 2].removeprefix("#:").strip())
        number -= 1
    if above:
        return " ".join(above)
    is_text = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
    return inspect.cleandoc(str(after.value.value)).partition("\n\n")[0].replace("\n", " ") if is_text else ""  # type: ignore[union-attr]


# -- the pages -------------------------------------------------------------------------------------------------------

PAGES: dict[str, Callable[[], str]] = {
    "stages.md": stages,
    "commands.md": commands,
    "errors.md": errors,
    "cases.md": cases,
    "tracking.md": tracking,
    "policy.md": policy,
    "changes.md": changes,
    "api.md": api,
}


def main() -> None:
    """Write the pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
