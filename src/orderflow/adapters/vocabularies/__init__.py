"""The words of carriers, and of services in front of them, as data with their source; and readers of what they send.

`EASYPOST` and `KARRIO` are vocabularies; `scans_of_easypost` and `scans_of_karrio` read a tracker of theirs as scans
for ``OrderFlow.observe``, and name every code that they do not know.
"""

from orderflow.adapters.vocabularies.easypost import EASYPOST, scans_of_easypost
from orderflow.adapters.vocabularies.karrio import KARRIO, scans_of_karrio
from orderflow.adapters.vocabularies.words import Meaning, Reading, Vocabulary

__all__ = [
    "EASYPOST",
    "KARRIO",
    "Meaning",
    "Reading",
    "Vocabulary",
    "scans_of_easypost",
    "scans_of_karrio",
]
