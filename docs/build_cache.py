"""Results of the build in plain JSON files, keyed by the content of the sources that they depend on."""

import hashlib
import json
from importlib.metadata import version
from pathlib import Path

import flrdt.derive
import flrdt.evaluate

HERE = Path(__file__).parent
FOLDER = HERE / "_build" / "cache"


def key(*packages: str) -> str:
    """Hash of every source of the named packages (``derive``, ``evaluate``), of the modules here and of the SymPy version."""
    homes = {"derive": flrdt.derive.__path__[0], "evaluate": flrdt.evaluate.__path__[0]}
    digest = hashlib.sha256(version("sympy").encode())
    for home, pattern in ((HERE, "*.py"), *((Path(homes[p]), "**/*.py") for p in packages)):
        for path in sorted({*home.glob(pattern)} - {HERE / "conf.py"}):  # the configuration computes nothing
            digest.update(path.relative_to(home).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def cached(name: str, compute, *packages: str):
    """The JSON value of ``compute()``, from an earlier build if no source of the named packages has changed since."""
    target = FOLDER / f"{name}-{key(*packages)}.json"
    if target.exists():
        return json.loads(target.read_text())
    value = compute()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stale in FOLDER.glob(f"{name}-*.json"):
        stale.unlink()
    target.write_text(json.dumps(value, indent=1))
    return json.loads(json.dumps(value))
