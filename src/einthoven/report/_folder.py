"""Whether a folder may be written to."""

__all__ = ["vacant"]

import json
from pathlib import Path


def vacant(folder: Path, facts: str, maker: str) -> Path:
    """The folder itself if it is new, empty, or earlier work of the same command.

    Arguments:
        folder: Where the results shall go.
        facts: The JSON file of such work, whose `made_by` names the command.
        maker: The command.

    Raises:
        ValueError: If it holds anything else, which nothing may be mixed with.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file; choose a folder for the results by --out")
    if folder.is_dir() and any(folder.iterdir()):
        try:
            made_by = json.loads((folder / facts).read_text(encoding="utf-8"))["made_by"]
        except (OSError, ValueError, KeyError, TypeError):
            made_by = None
        if made_by != maker:
            raise ValueError(f"{folder} holds files that are not of `{maker}`; choose another folder by --out")
    return folder
