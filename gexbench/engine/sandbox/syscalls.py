"""The system calls that an attacker's process has no use for, by processor: one table.

It covers what Landlock does not see: sockets, foreign memory, resource limits, file modes and owners, kernel interfaces
with a history of holes. Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of Linux.
"""

from __future__ import annotations

import errno
from typing import NamedTuple

_PRETEND_DONE = 0
_TRUNCATE = 0o1000  # O_TRUNC


class When(NamedTuple):
    """A condition on one argument: its low 32 bits, masked, are (or are not) a value."""

    argument: int
    value: int
    mask: int = 0xFFFFFFFF
    equal: bool = True


class Refusal(NamedTuple):
    """A system call by name and number (none where the processor lacks it), what it returns, and when."""

    name: str
    x86_64: int | None
    aarch64: int | None
    answer: int = errno.EPERM
    when: When | None = None


# Of the sockets only connected pairs remain: a datagram pair could still send to any other socket by its address.
_SOCKETS = (
    Refusal("socket", 41, 198),
    Refusal("socketpair", 53, 199, when=When(0, 1, equal=False)),
    Refusal("socketpair", 53, 199, when=When(1, 2, mask=0xF)),
    Refusal("socketpair", 53, 199, when=When(1, 3, mask=0xF)),
    Refusal("connect", 42, 203),
    Refusal("bind", 49, 200),
    Refusal("listen", 50, 201),
    Refusal("accept", 43, 202),
    Refusal("accept4", 288, 242),
    Refusal("io_uring_setup", 425, 425),
    Refusal("io_uring_enter", 426, 426),
    Refusal("io_uring_register", 427, 427),
)
_PROCESSES = (
    Refusal("ptrace", 101, 117),
    Refusal("process_vm_readv", 310, 270),
    Refusal("process_vm_writev", 311, 271),
    Refusal("process_madvise", 440, 440),
    Refusal("pidfd_getfd", 438, 438),
    Refusal("kcmp", 312, 272),
    Refusal("prlimit64", 302, 261, when=When(0, 0, equal=False)),
    Refusal("unshare", 272, 97),
    Refusal("setns", 308, 268),
    Refusal("clone", 56, 220, when=When(0, 0x10000000, mask=0x10000000)),  # a new user namespace
    Refusal("clone3", 435, 435, errno.ENOSYS),  # its flags are out of a filter's sight; libraries fall back to clone
)
_KERNEL = (
    Refusal("bpf", 321, 280),
    Refusal("userfaultfd", 323, 282),
    Refusal("perf_event_open", 298, 241),
    Refusal("fanotify_init", 300, 262),
    Refusal("keyctl", 250, 219),
    Refusal("add_key", 248, 217),
    Refusal("request_key", 249, 218),
    Refusal("kexec_load", 246, 104),
    Refusal("kexec_file_load", 320, 294),
    Refusal("init_module", 175, 105),
    Refusal("finit_module", 313, 273),
    Refusal("delete_module", 176, 106),
    Refusal("syslog", 103, 116),
)
_MOUNTS = (
    Refusal("mount", 165, 40),
    Refusal("umount2", 166, 39),
    Refusal("pivot_root", 155, 41),
    Refusal("chroot", 161, 51),
    Refusal("open_tree", 428, 428),
    Refusal("move_mount", 429, 429),
    Refusal("fsopen", 430, 430),
    Refusal("fsconfig", 431, 431),
    Refusal("fsmount", 432, 432),
    Refusal("fspick", 433, 433),
    Refusal("mount_setattr", 442, 442),
    Refusal("statmount", 457, 457),
    Refusal("listmount", 458, 458),
    Refusal("open_tree_attr", 467, 467),
    Refusal("open_by_handle_at", 304, 265),
    Refusal("name_to_handle_at", 303, 264),
)
# Landlock does not guard what a file is called by: mode, owner, attributes. Copying a file changes its mode, so that
# call must seem to work.
_METADATA = (
    Refusal("chmod", 90, None, _PRETEND_DONE),
    Refusal("fchmod", 91, 52, _PRETEND_DONE),
    Refusal("fchmodat", 268, 53, _PRETEND_DONE),
    Refusal("fchmodat2", 452, 452, _PRETEND_DONE),
    Refusal("chown", 92, None),
    Refusal("fchown", 93, 55),
    Refusal("lchown", 94, None),
    Refusal("fchownat", 260, 54),
    Refusal("setxattr", 188, 5, errno.EOPNOTSUPP),
    Refusal("lsetxattr", 189, 6, errno.EOPNOTSUPP),
    Refusal("fsetxattr", 190, 7, errno.EOPNOTSUPP),
    Refusal("removexattr", 197, 14, errno.EOPNOTSUPP),
    Refusal("lremovexattr", 198, 15, errno.EOPNOTSUPP),
    Refusal("fremovexattr", 199, 16, errno.EOPNOTSUPP),
    Refusal("setxattrat", 463, 463, errno.EOPNOTSUPP),
    Refusal("removexattrat", 466, 466, errno.EOPNOTSUPP),
    Refusal("file_setattr", 469, 469, errno.EOPNOTSUPP),
)
# What another process could read or meet: left-overs that outlive every process, file times, watches, priorities.
_NOT_OWN = {index: When(index, 0, equal=False) for index in (0, 1)}
_SHARED = (
    Refusal("shmget", 29, 194),
    Refusal("shmat", 30, 196),
    Refusal("shmctl", 31, 195),
    Refusal("semget", 64, 190),
    Refusal("semop", 65, 193),
    Refusal("semctl", 66, 191),
    Refusal("semtimedop", 220, 192),
    Refusal("msgget", 68, 186),
    Refusal("msgsnd", 69, 189),
    Refusal("msgrcv", 70, 188),
    Refusal("msgctl", 71, 187),
    Refusal("mq_open", 240, 180),
    Refusal("mq_unlink", 241, 181),
    # libraries that copy files set their times, so those calls must seem to work
    Refusal("utime", 132, None, _PRETEND_DONE),
    Refusal("utimes", 235, None, _PRETEND_DONE),
    Refusal("futimesat", 261, None, _PRETEND_DONE),
    Refusal("utimensat", 280, 88, _PRETEND_DONE),
    Refusal("inotify_init", 253, None),
    Refusal("inotify_init1", 294, 26),
    Refusal("fcntl", 72, 25, when=When(1, 1024)),  # F_SETLEASE
    Refusal("fcntl", 72, 25, when=When(1, 1026)),  # F_NOTIFY
    Refusal("mincore", 27, 232),  # what lies in the page cache
    Refusal("cachestat", 451, 451),
    Refusal("fadvise64", 221, 223, _PRETEND_DONE, When(3, 4)),  # what is thrown out of it: POSIX_FADV_DONTNEED
    Refusal("madvise", 28, 233, when=When(2, 20, mask=~1 & 0xFFFFFFFF)),  # MADV_COLD, MADV_PAGEOUT
    Refusal("preadv2", 327, 286, errno.EOPNOTSUPP, When(5, 8, mask=8)),  # RWF_NOWAIT
)
_SCHEDULING = (
    Refusal("sched_setparam", 142, 118, when=_NOT_OWN[0]),
    Refusal("sched_setscheduler", 144, 119, when=_NOT_OWN[0]),
    Refusal("sched_setaffinity", 203, 122, when=_NOT_OWN[0]),
    Refusal("sched_setattr", 314, 274, when=_NOT_OWN[0]),
    Refusal("setpriority", 141, 140, when=_NOT_OWN[0]),  # of a group, of all the user's
    Refusal("setpriority", 141, 140, when=_NOT_OWN[1]),
    Refusal("ioprio_set", 251, 30, when=When(0, 1, equal=False)),
    Refusal("ioprio_set", 251, 30, when=_NOT_OWN[1]),
    Refusal("migrate_pages", 256, 238, when=_NOT_OWN[0]),
    Refusal("move_pages", 279, 239, when=_NOT_OWN[0]),
    Refusal("process_mrelease", 448, 448),
    Refusal("personality", 135, 92, when=When(0, 0xFFFFFFFF, equal=False)),
)
TABLE = _SOCKETS + _PROCESSES + _KERNEL + _MOUNTS + _METADATA + _SHARED + _SCHEDULING
_UNTRUNCATED = (  # before Landlock's interface 3
    Refusal("truncate", 76, 45),
    Refusal("openat", 257, 56, when=When(2, _TRUNCATE, mask=_TRUNCATE | 3)),  # with read access alone
    Refusal("open", 2, None, when=When(1, _TRUNCATE, mask=_TRUNCATE | 3)),
    Refusal("openat2", 437, 437, errno.ENOSYS),
)


def _unsignalled(own: int) -> tuple[Refusal, ...]:  # before Landlock's interface 6
    others = When(0, own, equal=False)
    return (
        Refusal("kill", 62, 129, when=others),
        Refusal("tkill", 200, 130),
        Refusal("tgkill", 234, 131, when=others),
        Refusal("rt_sigqueueinfo", 129, 138, when=others),
        Refusal("rt_tgsigqueueinfo", 297, 240, when=others),
        Refusal("pidfd_send_signal", 424, 424),
        Refusal("fcntl", 72, 25, when=When(1, 8)),  # F_SETOWN and its kind: who gets a descriptor's signals
        Refusal("fcntl", 72, 25, when=When(1, 15)),
        Refusal("ioctl", 16, 29, when=When(1, 0x8901)),
        Refusal("ioctl", 16, 29, when=When(1, 0x8902)),
    )


def refusals(landlock: int, own: int) -> tuple[Refusal, ...]:
    """List what to refuse beside this Landlock version: an older one leaves more to the filter.

    `own` is the one process that may then be signalled.
    """
    return TABLE + _UNTRUNCATED * (landlock < 3) + _unsignalled(own) * (landlock < 6)
