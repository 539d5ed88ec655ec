"""A policy as a table: what happens by itself, who decides what, what our rules weigh, and every setting in words.

For people who did not write it: `policy_table` draws a policy as Markdown, `changes_table` what may still change.
Strategies and rules appear by their names and by the first sentence that they say about themselves, so a rule that is
well named documents itself here.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from enum import Enum
from typing import Any

import attrs

from orderflow.change_rules import MODIFICATIONS, STAGES, ChangeRule, Modification, rule_for
from orderflow.lifecycle import Lifecycle
from orderflow.policy import AUTOMATIC, BY_CHOICE, REVIEWED, Authority, Policy
from orderflow.values.record import speaks_for_itself

__all__ = ["changes_table", "policy_table"]

_STEPS = {
    "acknowledge": "an order that was placed is acknowledged",
    "verify": "an order of which price, stock and requirements are in order is verified",
    "confirm": "a verified order is answered line by line",
    "plan": "what is held is divided among locations",
    "deliver_digital": "digital goods are sent, the message being the delivery",
    "complete": "an order that is delivered is completed",
    "authorize_return": "a return is authorized that nothing speaks against",
    "close_return": "a return is closed of which everything is settled",
}


def policy_table(policy: Policy) -> str:
    """A policy as Markdown tables; every setting of it is there."""
    parts = [
        "### What happens by itself",
        _table(("step", "by itself", "meaning"), _automatic(policy)),
        "### Who decides",
        _table(("concern", "who"), _authority(policy.authority)),
        "### What our own objections weigh",
        _table(("code", "weighs", "meaning"), _weights(policy)),
        "### What may still change",
        changes_table(policy),
        "### Every setting",
        _table(("setting", "is", "meaning"), _settings(policy)),
    ]
    return "\n\n".join(parts) + "\n"


def changes_table(policy: Policy, actor: str = "") -> str:
    """What may still change, as a Markdown table: the rules, or for a kind of actor every change at every stage."""
    if not actor:
        return _table(("change", "at the stage", "by", "is"), _changes(policy))
    return _table((f"{actor} may", *(f"`{stage}`" for stage in STAGES)), _verdicts(policy.changes, actor))


def _verdicts(rules: Iterable[ChangeRule], actor: str) -> Iterable[tuple[str, ...]]:
    """For each change, what becomes of it at each stage."""
    for name in MODIFICATIONS:
        found = (rule_for(rules, Modification(name, stage), actor).verdict for stage in STAGES)
        yield f"`{name}`", *(_IN_A_WORD[verdict] for verdict in found)


_IN_A_WORD = {"allow": "yes", "deny": "no", "approval": "if approved"}


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _automatic(policy: Policy) -> Iterable[tuple[str, str, str]]:
    for step in sorted(AUTOMATIC | BY_CHOICE, key=list(_STEPS).index):
        yield f"`{step}`", "yes" if step in policy.automatic else "no: by command", _STEPS[step]


def _authority(authority: Authority) -> Iterable[tuple[str, str]]:
    for field in attrs.fields(Authority):
        yield field.name, "we" if getattr(authority, field.name) == "ours" else "others, whom we wait for"


def _weights(policy: Policy) -> Iterable[tuple[str, str, str]]:
    return ((f"`{code}`", policy.severity(code), meaning) for code, meaning in REVIEWED.items())


def _changes(policy: Policy) -> Iterable[tuple[str, str, str, str]]:
    """The rules in their order; a last row says what becomes of the rest."""
    for rule in policy.changes:
        verdict = _VERDICTS[rule.verdict]
        if rule.verdict == "approval" and rule.approved_by:
            verdict = f"{verdict} by {' or '.join(rule.approved_by)}"
        yield _any(rule.modification), _any(rule.stage), _any(rule.actor), verdict
    if ChangeRule() not in policy.changes:
        yield "anything else", "any", "anyone", "denied"


_VERDICTS = {"allow": "allowed", "deny": "denied", "approval": "allowed once it is approved"}


def _any(name: str) -> str:
    return "any" if name == "*" else f"`{name}`"


def _settings(policy: Policy) -> Iterable[tuple[str, str, str]]:
    meanings = _meanings()
    for field in attrs.fields(Policy):
        yield f"`{field.name}`", _shown(getattr(policy, field.name)), meanings.get(field.name, "")


def _meanings() -> dict[str, str]:
    """What the docstring of `Policy` says about each setting."""
    told = (inspect.getdoc(Policy) or "").partition("Attributes:\n")[2]
    found = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", told, flags=re.MULTILINE)
    return {name: re.sub(r"\s+", " ", meaning).replace("``", "`").strip() for name, meaning in found}


def _shown(held: Any) -> str:
    """A setting in words."""
    if held is None:
        return "nothing"
    if isinstance(held, timedelta):
        return _duration(held)
    if isinstance(held, Lifecycle):
        return f"version {held.version}: {', '.join(held.states)}"
    if isinstance(held, Enum):
        return str(held.value)
    if isinstance(held, Mapping):
        return "<br>".join(f"`{key or 'else'}`: {_shown(value)}" for key, value in held.items()) or "nothing"
    if isinstance(held, tuple | list):
        between = ", " if all(isinstance(one, str) for one in held) else "<br>"
        return between.join(map(_shown, held)) or "nothing"
    if isinstance(held, frozenset | set):
        return ", ".join(f"`{one}`" for one in sorted(map(str, held))) or "nothing"
    return _composed(held)


def _composed(held: Any) -> str:
    """Something with parts, or a function by its name and first sentence."""
    if attrs.has(type(held)) and not speaks_for_itself(held):
        parts = ((field.name.lstrip("_"), getattr(held, field.name)) for field in attrs.fields(type(held)))
        named = [_named(held)] if callable(held) else []
        return "<br>".join((*named, *(f"{name}: {_shown(part)}" for name, part in parts)))
    return _named(held) if callable(held) else str(held)


def _named(held: Any) -> str:
    """A function, or a value that is called like one, by its name and the first sentence that it says about itself."""
    said = (inspect.getdoc(held) or "").partition("\n\n")[0].replace("\n", " ").replace("``", "`")
    name = getattr(held, "__name__", type(held).__name__)
    return f"`{name}`: {said}" if said else f"`{name}`"


def _duration(held: timedelta) -> str:
    """``6 h``, ``2 days``, ``90 s``: the largest unit that fits."""
    seconds = held.total_seconds()
    for unit, size in (("days", 86_400), ("h", 3600), ("min", 60)):
        if seconds and seconds % size == 0:
            return f"{int(seconds // size)} {unit}"
    return f"{seconds:g} s"
