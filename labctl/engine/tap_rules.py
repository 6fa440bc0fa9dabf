"""The nftables rules of a tap's namespace that keep clients in their lab on any engine. Pure."""

from __future__ import annotations

from ipaddress import IPv4Network

from labctl.engine.addresses import gateway


def tap_rules(subnet: IPv4Network) -> str:
    """Return the rules, as nft takes them, that let nothing pass but loopback and the lab's own
    IPv4 traffic.

    The gateway's address is not of the lab: engines give it to the host. Neither is the broadcast
    address, since the host's end of the network hears it. Connecting elsewhere ends with
    EHOSTUNREACH, as if nobody had the address; sending fails with EPERM.
    """
    own, host = str(subnet), gateway(subnet)
    return f"""\
table arp labctl {{
  chain input {{
    type filter hook input priority filter; policy drop;
    arp saddr ip {host} drop
    arp saddr ip {own} accept
  }}
  chain output {{
    type filter hook output priority filter; policy drop;
    arp daddr ip {host} drop
    arp daddr ip {own} accept
  }}
}}
table inet labctl {{
  chain input {{
    type filter hook input priority filter; policy drop;
    iif lo accept
    ip saddr {host} drop
    ip saddr {own} accept
  }}
  chain output {{
    type filter hook output priority filter; policy drop;
    oif lo accept
    ip daddr {{ {host}, {subnet.broadcast_address} }} goto outside
    ip daddr {own} accept
    goto outside
  }}
  chain outside {{
    reject with icmpx host-unreachable
  }}
}}
"""
