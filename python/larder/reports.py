"""The answers of larder: the objects of `larder … --json`, which `docs/cli.md` explains.

Times are RFC 3339 in UTC, sizes are bytes. Newer versions add fields, and never rename or remove
one.
"""

from __future__ import annotations

from typing import Literal, TypedDict


class Stale(TypedDict):
    """Why nobody will ask for an entry again."""

    reason: Literal["gone", "changed", "superseded", "incompatible"]
    detail: str
    certain: bool


class Entry(TypedDict):
    """A stored model."""

    key: str
    model: str
    kind: str
    device: str
    bytes: int
    unique_bytes: int
    referred_bytes: int
    encoding: Literal["raw", "referring", "variant", "compressed", "encrypted", "files"]
    unpacked_from: str | None
    kernels_of: str | None
    created_at: str
    last_used_at: str | None
    hits: int
    compile_ms: int
    stale: Stale | None
    weights_kept: str | None
    pinned: bool
    withheld: str | None
    shapes: str | None


class Waiting(TypedDict):
    """A process of this machine that waits for what another compiles."""

    process: int
    program: str
    started_at: str


class Compiling(TypedDict):
    """A model that a process is compiling: on another machine if not `is_here`."""

    key: str
    what: str
    process: int
    is_here: bool
    since: str
    waiting: list[Waiting]


class Listing(TypedDict):
    """The result of `Cache.ls`. `max_size_bytes` is 0 if there is no limit."""

    schema_version: int
    entries: list[Entry]
    compiling: list[Compiling]
    total_bytes: int
    max_size_bytes: int


class EntryObject(TypedDict):
    """A blob of an entry, or one of its files."""

    name: str | None
    digest: str
    bytes: int


class ModelFile(TypedDict):
    """A file from which the model was read, as it was at that time."""

    role: str
    digest: str
    bytes: int


class WholeEntry(Entry):
    """A result of `Cache.show`: an entry with all inputs of its key."""

    schema_version: int
    without_weights: bool
    requirements: str | None
    objects: list[EntryObject]
    model_files: list[ModelFile]
    key_inputs: dict[str, str]


class Difference(TypedDict):
    """An input of the key in which two entries differ; None if one has no such input."""

    input: str
    kept: str | None
    asked: str | None


class StorageEntry(TypedDict):
    """A storage of LARDER_REMOTE, and in words its entry for the key of a miss."""

    url: str
    entry: str


class Explanation(TypedDict):
    """The result of `Cache.why`."""

    schema_version: int
    model: str
    device: str
    would_hit: bool
    reason: str
    key: str | None
    nearest_key: str | None
    differences: list[Difference]
    storages: list[StorageEntry]


class KeptObject(TypedDict):
    """The blob of a request. The model's own files may hold most of it."""

    digest: str
    bytes: int
    kept_bytes: int


class Memory(TypedDict):
    """The memory of the process that compiled."""

    rss_bytes: int
    peak_rss_bytes: int


class Sharing(TypedDict):
    """How many of the unpacked bytes the process shares with others."""

    shared_bytes: int
    private_bytes: int
    reason: str | None


class CompileReport(TypedDict):
    """The result of `Cache.compile` for each model. `timing_ms` has the stages that ran."""

    schema_version: int
    model: str
    device: str
    outcome: Literal["compiled", "loaded", "waited", "bypassed"]
    reason: str
    key: str | None
    object: KeptObject | None
    timing_ms: dict[str, float]
    sharing: Sharing | None
    memory: Memory
    compile_ms: int | None


class Failure(TypedDict):
    """An error, and what to do."""

    what: str
    remedy: str | None


class FailedCompile(TypedDict):
    """A model that could not be compiled."""

    schema_version: int
    model: str
    device: str
    error: Failure


class Finding(TypedDict):
    """A stored file that has changed."""

    damage: Literal["damaged", "untrusted", "unreadable"]
    key: str | None
    path: str
    what: str


class VerifyReport(TypedDict):
    """The result of `Cache.verify`."""

    schema_version: int
    entries: int
    objects: int
    bytes: int
    objects_before: int
    complete: bool
    findings: list[Finding]


class Repair(TypedDict):
    """The result for a damaged entry."""

    key: str
    model: str
    device: str
    outcome: Literal["recompiled", "removed"]
    reason: str


class RepairReport(VerifyReport):
    """The result of `Cache.repair`."""

    repairs: list[Repair]


class ShortEntry(TypedDict):
    """An entry that was changed, or would be."""

    key: str
    model: str
    device: str
    bytes: int


class RemovalReport(TypedDict):
    """The result of `Cache.rm`."""

    schema_version: int
    dry_run: bool
    entries: list[ShortEntry]
    freed_bytes: int


class Pruned(ShortEntry):
    """An entry that a rule has removed."""

    reason: str


class PruneReport(TypedDict):
    """The result of `Cache.prune` and `Cache.clear`."""

    schema_version: int
    dry_run: bool
    entries: list[Pruned]
    freed_bytes: int
    garbage_bytes: int
    set_aside_files: int
    total_bytes: int
    held_back: str | None


class Moved(TypedDict):
    """An entry that was to be copied; `reason` says why it was not."""

    key: str
    model: str | None
    state: Literal["moved", "was there", "skipped", "failed"]
    bytes: int
    reason: str | None


class ExchangeReport(TypedDict):
    """The result of `Cache.push` and `Cache.pull`."""

    schema_version: int
    url: str
    entries: list[Moved]
    bytes: int
    complete: bool


class PublicKey(TypedDict):
    """The result of `Cache.generate_key` and `Cache.show_key`; `public_key` is hexadecimal."""

    schema_version: int
    public_key: str
    file: str


class Recoded(ShortEntry):
    """An entry whose size on disk has changed."""

    before_bytes: int
    after_bytes: int


class Unchanged(ShortEntry):
    """An entry that stays as it is, and why."""

    encoding: str
    reason: Literal["encoding", "base", "shared", "gain", "busy", "failed"]
    detail: str | None


class CompressReport(TypedDict):
    """The result of `Cache.compress` and `Cache.decompress`."""

    schema_version: int
    dry_run: bool
    entries: list[Recoded]
    unchanged: list[Unchanged]
    before_bytes: int
    after_bytes: int
    estimated: bool
    held_back: str | None
    complete: bool


class Pinned(TypedDict):
    """The result of `Cache.pin`: keys."""

    schema_version: int
    pinned: list[str]


class Unpinned(TypedDict):
    """The result of `Cache.unpin`: keys."""

    schema_version: int
    unpinned: list[str]


class CachedFile(TypedDict):
    """A file that OpenVINO's own cache has written."""

    path: str
    kind: str
    worth: Literal["usable", "stale", "unknown"]
    reason: str | None
    detail: str | None
    openvino: str | None
    bytes: int


class _Scanned(TypedDict):
    schema_version: int
    directory: str
    files: list[CachedFile]


class ScanReport(_Scanned, total=False):
    """The result of `Cache.scan`; the last two fields only with `remove_stale`."""

    dry_run: bool
    freed_bytes: int


class Outcomes(TypedDict):
    """Numbers of requests by outcome; `saved_ms` is the saved compile time, negative if time was
    lost."""

    compiled: int
    loaded: int
    waited: int
    bypassed: int
    refused: int
    saved_ms: int


class StaleSum(TypedDict):
    """The stale entries of one reason."""

    entries: int
    bytes: int


class RemoteUse(TypedDict):
    """How this machine has used a storage of LARDER_REMOTE."""

    url: str
    hits: int
    misses: int
    failures: int
    fetched_bytes: int
    fetch_ms: int
    sent_entries: int
    sent_bytes: int
    rests_until: str | None
    last_fault: str | None
    last_fault_at: str | None


class Stats(Outcomes):
    """The result of `Cache.stats`, over all processes of this user on this machine."""

    schema_version: int
    since: str
    bytes_written: int
    evicted_bytes: dict[str, int]
    evicted_entries: int
    total_bytes: int
    unpacked_bytes: int
    max_size_bytes: int
    longest_idle_seconds: int | None
    miss_reasons: dict[str, int]
    bypass_reasons: dict[str, int]
    refusal_reasons: dict[str, int]
    by_model: dict[str, Outcomes]
    by_device: dict[str, Outcomes]
    stale: dict[str, StaleSum]
    remotes: list[RemoteUse]
    compiling: list[Compiling]


class Device(TypedDict):
    """A device that OpenVINO finds."""

    name: str
    full_name: str
    export_import: bool
    error: str | None


class FillTime(TypedDict):
    """Milliseconds to fill a GiB of fresh memory."""

    small_pages: float
    huge_pages: float


class Advice(TypedDict):
    """A problem, and how to repair it."""

    severity: Literal["info", "warning", "error"]
    subject: str
    finding: str
    remedy: str


class SharingPossible(TypedDict):
    """The value of `LARDER_SHARE`, and whether a process like this one can share at all."""

    setting: Literal["auto", "on", "off"]
    unpacked_bytes: int
    obstacle: str | None


class KeptWeights(TypedDict):
    """Entries whose weights are stored, for one reason."""

    entries: int
    bytes: int


class WeightsPlaces(TypedDict):
    """The places of the weights of all entries; `kept` is by the reason."""

    referred_bytes: int
    kept: dict[str, KeptWeights]


class ExaminedStorage(TypedDict):
    """Whether a storage of LARDER_REMOTE works, and lets one machine compile for all."""

    url: str
    fault: str | None
    read_only: bool
    honours_conditions: bool | None


class FoundOpenVino(TypedDict):
    """An OpenVINO of this machine, and whether programs on it are served."""

    library: str
    version: str | None
    used: bool
    served: bool
    serving: str
    refusal: str | None


class Diagnosis(TypedDict):
    """The result of `Cache.doctor`."""

    schema_version: int
    version: str
    directory: str
    total_bytes: int
    max_size_bytes: int
    openvino: str
    openvinos: list[FoundOpenVino]
    devices: list[Device]
    transparent_huge_pages: str | None
    preload: str | None
    served_releases: list[str]
    fill_ms_per_gib: FillTime | None
    sharing: SharingPossible
    weights: WeightsPlaces
    storages: list[ExaminedStorage]
    compiling: list[Compiling]
    findings: list[Advice]


class Setting(TypedDict):
    """A setting with its effective value."""

    name: str
    variable: str
    value: str
    origin: str
    meaning: str


class Configuration(TypedDict):
    """The result of `Cache.config`."""

    schema_version: int
    settings: list[Setting]
