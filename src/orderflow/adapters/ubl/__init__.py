"""Documents of UBL (OASIS Universal Business Language 2): orders in, answers and despatch advices out.

`read_order` makes the command that places an order, with a complete list of what the document says and the command
cannot, and with a flag wherever the document does not add up. `read_order_change` and `read_order_cancellation` read
what may follow it. `write_order_response` answers it, line by line, and
`write_despatch_advice` says what left; both say what UBL has no words for.
"""

from orderflow.adapters.ubl.agreement import STANDARD_AGREEMENT, Agreement, ItemNumbers, sellers_number_first
from orderflow.adapters.ubl.arithmetic import Sum
from orderflow.adapters.ubl.changes import (
    ChangedLine,
    OrderCancellationDocument,
    OrderChangeDocument,
    read_order_cancellation,
    read_order_change,
)
from orderflow.adapters.ubl.despatch import write_despatch_advice
from orderflow.adapters.ubl.orders import Heading, OrderDocument, read_order
from orderflow.adapters.ubl.reading import Flag, Loss
from orderflow.adapters.ubl.responses import write_order_response, write_order_response_simple
from orderflow.adapters.ubl.writing import Written

__all__ = [
    "STANDARD_AGREEMENT",
    "Agreement",
    "ChangedLine",
    "Flag",
    "Heading",
    "ItemNumbers",
    "Loss",
    "OrderCancellationDocument",
    "OrderChangeDocument",
    "OrderDocument",
    "Sum",
    "Written",
    "read_order",
    "read_order_cancellation",
    "read_order_change",
    "sellers_number_first",
    "write_despatch_advice",
    "write_order_response",
    "write_order_response_simple",
]
