"""Refuses a TorchScript file that is larger inside than outside. Needs no torch.

It is a zip as `torch.jit.save` writes it: nothing compressed, so that what a member claims to hold
is what it weighs; known names, each once. What the file computes is not judged here: TorchScript is
a program, and bundles are to be from people one trusts.
"""

import io
import re
import struct
import zipfile

from hadua.models.errors import BundleError

MOST_MEMBERS = 10_000
_NAME = re.compile(
    r"(data|constants)/\d{1,6}|(data|constants|attributes)\.pkl|code/[\w./-]{1,200}\.py"
    r"|code/[\w./-]{1,200}\.py\.debug_pkl|version|byteorder|\.format_version|\.storage_alignment"
    r"|\.data/serialization_id"
)
_UNREADABLE = (
    *(zipfile.BadZipFile, struct.error, ValueError, LookupError, OSError, EOFError),
    *(NotImplementedError, OverflowError),
)


def check_torchscript(content: bytes, *, where: str) -> None:
    """Check what a TorchScript file has inside, without unpacking or running any of it.

    Raises:
        BundleError: no such file, members that are compressed or overlap, or names that it has not.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = archive.infolist()
    except _UNREADABLE as error:
        raise _refused(where, str(error) or "no zip file") from error
    if not 1 <= len(members) <= MOST_MEMBERS:
        raise _refused(where, f"{len(members)} members")
    seen, total = set[str](), 0
    for member in members:
        root, _, name = member.filename.partition("/")
        packed = member.compress_type != zipfile.ZIP_STORED
        total += member.file_size
        if packed or member.file_size != member.compress_size or total > len(content):
            raise _refused(where, f"{member.filename!r} that is packed, or larger than its file")
        if member.filename in seen or ".." in name.split("/") or not _NAME.fullmatch(name):
            raise _refused(where, f"a member {member.filename!r}")
        seen.add(member.filename)
        if root != members[0].filename.partition("/")[0]:
            raise _refused(where, f"two folders, {root!r} and another")


def _refused(where: str, got: str) -> BundleError:
    return BundleError(
        f"{where}: this is not a TorchScript file as it is written here",
        got=got,
        expected="an archive of `torch.jit.save`, nothing in it compressed",
        hint="The file may be truncated or changed; copy the bundle again.",
    )
