"""The stub of a warden: it makes the namespaces of a lab, and waits for the warden in them.

The warden is the first process of a PID namespace. When it ends, the kernel ends all others in it,
and mounts, links and namespaces go with them. The stub, outside, removes the cgroups.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys

from labctl.warden import cgroups, syscalls
from labctl.warden.channel import Channel
from labctl.warden.failures import describe
from labctl.warden.specs import LabSpec, made_from
from labctl.warden.users import enter_user_namespace
from labctl.warden.warden import Warden

_IGNORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_OWN_NAMESPACES = syscalls.NEW_NETWORK | syscalls.NEW_MOUNTS | syscalls.NEW_IPC | syscalls.NEW_NAMES


def main(descriptor: int) -> None:
    """Hold a lab that the first message on the channel describes, until labctl goes."""
    os.set_inheritable(descriptor, False)  # no program is to have it
    channel = Channel(socket.socket(fileno=descriptor))
    told = channel.receive()
    if told is None:
        return
    message, _ = told
    spec = made_from(LabSpec, message["lab"])
    hierarchies = cgroups.begin(spec.cgroup) if spec.cgroup else []
    try:
        enter_user_namespace(spec)
        syscalls.unshare(_OWN_NAMESPACES)
        syscalls.unshare(syscalls.NEW_PROCESSES)
        pid = os.fork()
    except OSError as error:
        cgroups.end(hierarchies)
        _tell(channel, error)
        return
    if pid == 0:
        _serve(spec, channel, hierarchies)
    channel.close()
    _wait_for(pid)
    cgroups.end(hierarchies)


def _serve(spec: LabSpec, channel: Channel, hierarchies: list[cgroups.Hierarchy]) -> None:
    """Be the warden of a lab, and end."""
    try:
        syscalls.end_with_parent(signal.SIGKILL)
        for number in _IGNORED:
            signal.signal(number, signal.SIG_IGN)
        Warden(spec, channel, hierarchies).serve()
    except OSError as error:
        _tell(channel, error)
    except Exception:  # noqa: BLE001 a bug of ours: labctl shows the last words
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(0)


def _wait_for(warden: int) -> None:
    """Wait until the warden has ended, and end it if this process is told to."""

    def end(_number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(warden, signal.SIGKILL)

    signal.signal(signal.SIGTERM, end)
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.waitpid(warden, 0)


def _tell(channel: Channel, error: OSError) -> None:
    """Tell labctl why there is no lab."""
    with contextlib.suppress(OSError):
        channel.send({"error": describe(error), "doing": str(error.filename or "")})
