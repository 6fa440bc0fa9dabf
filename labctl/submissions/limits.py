"""The limits of a submission. What students write stays far below; zip bombs do not."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

ENTRIES: Final = 500
"""Files and folders of a submission, without those that are skipped, such as `.git`."""

SKIPPED_ENTRIES: Final = 5000
"""Files and folders that are skipped: they cost time, too."""

FILE_BYTES: Final = 256 * KIB
"""Bytes of one file that the exercise asks for."""

TOTAL_BYTES: Final = 20 * MIB
"""Bytes of all files of a submission, unpacked."""

ARCHIVE_BYTES: Final = 10 * MIB
"""Bytes of an archive, packed."""

STREAM_BYTES: Final = TOTAL_BYTES + 4 * MIB
"""Bytes of an unpacked tar archive: its files, headers and padding."""

RATIO: Final = 200
"""Unpacked bytes for each packed byte; text reaches 20."""

RATIO_FROM: Final = 64 * KIB
"""Bytes from which on RATIO counts: a small file of one character does no harm."""

NAME_LENGTH: Final = 500
"""Characters of an entry's name, folders included."""

DEPTH: Final = 32
"""Folders inside of each other, and the file."""

DIRECTORY_BYTES: Final = 1 * MIB
"""Bytes of the directory of a student's zip. In memory it takes twenty times as much."""

BULK_DIRECTORY_BYTES: Final = 4 * MIB
"""Bytes of the directory of a course's zip, enough for 20,000 files."""

XZ_MEMORY: Final = 16 * MIB
"""Bytes of memory that unpacking xz may take: `xz -6`, the default, takes 9 MiB."""

PACKED_STREAMS: Final = 1000
"""Streams in one .gz, .bz2 or .xz file; parallel packers make some dozens."""

OTHER_NAMES: Final = 20
"""Names of other files that are reported."""
