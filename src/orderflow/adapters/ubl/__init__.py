"""Documents of UBL (OASIS Universal Business Language 2): orders in, answers and despatch advices out.

`read_order` makes the command that places an order, with a complete list of what the document says and the command
cannot, and with a flag wherever the document does not add up.
"""

from orderflow.adapters.ubl.agreement import Agreement, ItemNumbers, sellers_number_first
from orderflow.adapters.ubl.arithmetic import Sum
from orderflow.adapters.ubl.orders import Heading, OrderDocument, read_order
from orderflow.adapters.ubl.reading import Flag, Loss

__all__ = [
    "Agreement",
    "Flag",
    "Heading",
    "ItemNumbers",
    "Loss",
    "OrderDocument",
    "Sum",
    "read_order",
    "sellers_number_first",
]
