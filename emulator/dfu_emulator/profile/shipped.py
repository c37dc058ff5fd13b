"""The profiles that come with the project."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent
SHIPPED = next(
    folder
    for folder in (_PACKAGE / "profiles", _PACKAGE.parent.parent / "profiles")  # wheel, checkout
    if folder.is_dir()
)


def available() -> list[str]:
    """Names of the shipped profiles."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def path_of(name: str) -> Path:
    """The file of the shipped profile with this name."""
    return SHIPPED / f"{name}.yaml"


def is_path(name: str) -> bool:
    """True where ``name`` is the path of a file, not the name of a shipped profile."""
    return "/" in name or name.endswith((".yaml", ".yml"))
