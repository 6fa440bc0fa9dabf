"""How much a submission may hold. Nothing that students write comes near; bombs do."""

from __future__ import annotations

from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

ENTRIES: Final = 500
"""Files and folders of a submission; what is skipped, like `.git`, doesn't count."""

SKIPPED_ENTRIES: Final = 5000
"""What is skipped is still gone through, so there is an end to that, too."""

WANTED_BYTES: Final = 256 * KIB
"""Bytes of one file that the exercise asks for."""

TOTAL_BYTES: Final = 20 * MIB
"""Bytes of all files of a submission, unpacked."""

ARCHIVE_BYTES: Final = 10 * MIB
"""Bytes of an archive, packed."""

STREAM_BYTES: Final = TOTAL_BYTES + 4 * MIB
"""Bytes that are unpacked of a tar archive: its files, headers and padding."""

RATIO: Final = 200
"""Bytes unpacked for each byte packed; text reaches 20."""

RATIO_FROM: Final = 64 * KIB
"""Bytes from which the ratio counts: a small file of one character does no harm."""

NAME_LENGTH: Final = 500
"""Characters of an entry's name, folders included."""

DEPTH: Final = 32
"""Folders within folders."""

DIRECTORY_BYTES: Final = 1 * MIB
"""Bytes of the directory of a student's zip: what it holds in memory is twenty times that."""

BULK_DIRECTORY_BYTES: Final = 4 * MIB
"""Bytes of the directory of a course's zip: that of 20,000 files."""

XZ_MEMORY: Final = 16 * MIB
"""Bytes that unpacking xz may take: `xz -6`, the default, takes 9 MiB."""

PACKED_STREAMS: Final = 1000
"""Streams that may follow one another in a .gz, .bz2 or .xz; parallel packers make some dozens."""

IGNORED: Final = 20
"""Names of other files that are reported."""
