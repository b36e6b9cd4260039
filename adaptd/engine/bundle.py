"""A bundle opened: every file read once and hashed, and those bytes, not the files, are what an engine is made of."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from adaptd.config.errors import ConfigError
from adaptd.config.manifest import FileFact, Manifest, VariantFile, load_manifest
from adaptd.config.regular_file import read_regular
from adaptd.config.shipped import engines_dir
from adaptd.engine.errors import BundleError
from adaptd.engine.plan import rebuild_command


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle. ``kept`` holds the bytes by file name; they never change, whatever happens to the files.

    ``damaged`` says of each file that was set aside what is wrong with it.
    """

    folder: Path
    manifest: Manifest
    kept: Mapping[str, bytes]
    damaged: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        backend: str | None = None,
        public_key: Path | None = None,
        require_signature: bool = False,
        digest: str | None = None,
        isolate: bool = False,
    ) -> "Bundle":
        """Verify the manifest and every file it names; keep the bytes of ``backend``'s files, or of all.

        ``digest`` is the manifest that somebody else has looked at: another one, put there since, is refused. ``isolate`` sets
        aside a file that is not what the manifest says, where the reference does without it, instead of refusing the bundle.

        Raises:
            BundleError: one line, naming the first thing that does not match. Nothing has been loaded.
        """
        try:
            manifest = load_manifest(folder, public_key=public_key, require_signature=require_signature)
            if digest is not None and manifest.digest != digest:
                raise BundleError(
                    f"{folder}: is not the bundle that was checked at the start; restart adaptd to take the new one"
                )
            needed = _wanted(manifest, backend, manifest.reference) if isolate else set(manifest.files)
            kept, damaged = _verified(folder, manifest, _wanted(manifest, backend), needed)
        except ConfigError as error:
            raise BundleError(str(error)) from None
        return cls(folder, manifest, kept, damaged)

    def entry(self, variant: str, backend: str) -> VariantFile:
        """What the manifest says of ``variant`` on ``backend``. Raises BundleError when it says nothing."""
        backends = self.manifest.variants.get(variant)
        if backends is None:
            known = ", ".join(sorted(self.manifest.variants))
            raise BundleError(f"{self.folder}: no variant {variant}; it has {known}")
        if backend not in backends:
            raise BundleError(f"{self.folder}: variant {variant} is not built for {backend}; run: {rebuild_command(self.folder)}")
        return backends[backend]

    def model_bytes(self, variant: str, backend: str) -> bytes:
        """The verified bytes of the file that ``backend`` loads for ``variant``."""
        name = self.entry(variant, backend).file
        if name in self.damaged:
            raise BundleError(self.damaged[name])
        if name not in self.kept:
            raise BundleError(f"{self.folder}: {name} was verified for another backend; open the bundle for {backend}")
        return self.kept[name]

    def variants(self, backend: str) -> tuple[str, ...]:
        """The variants built for ``backend``, the reference first."""
        manifest = self.manifest
        names = [name for name, backends in manifest.variants.items() if backend in backends]
        return tuple(sorted(names, key=lambda name: (name != manifest.reference, name)))


def _wanted(manifest: Manifest, backend: str | None, variant: str | None = None) -> set[str]:
    if backend is None:
        return set(manifest.files)
    entries = manifest.variants.values() if variant is None else [manifest.variants[variant]]
    return {backends[backend].file for backends in entries if backend in backends}


def _verified(folder: Path, manifest: Manifest, wanted: set[str], needed: set[str]) -> tuple[dict[str, bytes], dict[str, str]]:
    """All files are checked before any is handed out; the wanted ones stay in memory, what is wrong with others is told."""
    hard_links = engines_dir() in folder.resolve().parents  # package installers link the files they ship
    kept, damaged = {}, {}
    for name, fact in sorted(manifest.files.items()):
        try:
            data = _read(folder, name, fact, hard_links=hard_links)
        except (BundleError, ConfigError) as error:
            if name in needed:
                raise
            damaged[name] = str(error)
            continue
        if name in wanted:
            kept[name] = data
    return kept, damaged


def _read(folder: Path, name: str, fact: FileFact, *, hard_links: bool) -> bytes:
    data = read_regular(folder, name, limit=fact.bytes, hard_links=hard_links)
    if len(data) != fact.bytes:
        raise BundleError(f"{folder}/{name}: is {len(data)} bytes, not {fact.bytes}; fetch or build the bundle again")
    if hashlib.sha256(data).hexdigest() != fact.sha256:
        raise BundleError(f"{folder}/{name}: sha256 does not match the manifest; fetch or build the bundle again")
    return data
