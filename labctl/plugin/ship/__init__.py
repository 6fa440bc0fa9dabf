"""A function or a script of somebody's project -> the source text of a client. It is sent as text:
the Python in the container is another than the one that runs the tests.
"""

from labctl.plugin.ship.shipment import Shipment, Shipper

__all__ = ["Shipment", "Shipper"]
