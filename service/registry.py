"""The models that are served: loaded at start, replaced one at a time, never half."""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass, replace
from typing import Literal

from issrnn.artifact import CARD_FILE, ArtifactError
from service.cores import available_cores, cpu_quota
from service.schemas import ModelInfo, TaskName
from service.settings import Settings
from service.slots import Slots
from service.variants import ObserverMaker, Variant, load_variant
from service.worker import Placement

__all__ = ["LastModelError", "Registry", "UnknownModelError"]

log = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")


class UnknownModelError(Exception):
    """No model of that name is served, and no artifact of that name is there to be loaded."""


class LastModelError(Exception):
    """Without this model its task would have none."""


@dataclass
class _Slot:
    """A name, and what stands behind it."""

    variant: Variant | None = None
    error: str | None = None
    loading: bool = True

    def state(self) -> Literal["loading", "ready", "failed"]:
        if self.variant is not None:
            return "ready"
        return "loading" if self.loading else "failed"


class Registry:
    """All models by name; may be read from any thread."""

    def __init__(self, settings: Settings, observe: ObserverMaker) -> None:
        """Start empty; `load_all` fills it.

        Args:
            settings: Where the artifacts are, and how to serve them.
            observe: Makes what is told of a model's batches.
        """
        self._settings = settings
        self._observe = observe
        self._slots: dict[str, _Slot] = {}
        self._placements: dict[str, Placement] = {}
        self._unloaded: frozenset[str] = frozenset()
        self._loading = threading.Lock()
        self._changing = threading.Lock()
        """Held while the fields above are replaced, which takes no time; loading does."""

    def load_all(self) -> None:
        """Load every model that is to be served; a bad one is logged and left out."""
        names = self._settings.models if self._settings.models is not None else self._found()
        self._slots = {name: _Slot() for name in names}
        self._placements = _place(self._settings, names)
        if not names:
            log.error("there is no artifact in %s", self._settings.models_dir.absolute())
        for name in names:
            try:
                self.load(name)
            except (ArtifactError, UnknownModelError) as error:
                self._slots[name] = _Slot(error=str(error), loading=False)
                log.error("model refused", extra={"model": name, "error": str(error)})

    def load(self, name: str) -> Variant:
        """Load a model, or load it anew; the former one serves until the new one is ready.

        Raises:
            UnknownModelError: If there is no artifact of that name.
            ArtifactError: If it is bad; what served before serves on.
        """
        folder = self._settings.models_dir / name
        known = name in self._slots
        if not _NAME.fullmatch(name):
            rule = "lower-case letters, digits and ._-, the first none of these signs"
            raise UnknownModelError(f"{name!r} is no name of a model: {rule}")
        if not (known or (folder / CARD_FILE).is_file()):
            raise UnknownModelError(f"there is no artifact {name!r} in {self._settings.models_dir}")
        with self._loading:
            slot = self._slots.get(name, _Slot())
            placement = self._placement(name)
            try:
                variant = load_variant(folder, self._settings, placement, self._observe)
            except ArtifactError as error:
                slot.error, slot.loading = str(error), False  # of a new name, nobody's
                raise
            former, slot.variant, slot.error = slot.variant, variant, None
            with self._changing:
                self._slots = {**self._slots, name: slot}
                self._unloaded = self._unloaded - {name}
        log.info("model ready", extra={"model": name, "engine": variant.engine.name})
        if former is not None:
            former.worker.stop()
        return variant

    def unload(self, name: str) -> None:
        """Take a model away; what is in its queue is still answered.

        Waits for a model that is being loaded, which could bring this one back.

        Raises:
            UnknownModelError: If there is no such model.
            LastModelError: If it is the only one that is ready for its task.
        """
        with self._loading, self._changing:
            if name not in self._slots:
                raise UnknownModelError(name)
            variant = self._slots[name].variant
            if variant is not None and self.ready(variant.card.task) == [variant]:
                raise LastModelError(f"{name!r} is the last model for {variant.card.task!r}")
            self._slots = {each: slot for each, slot in self._slots.items() if each != name}
            self._unloaded = self._unloaded | {name}
        log.info("model unloaded", extra={"model": name})
        if variant is not None:
            variant.worker.stop()

    @property
    def unloaded(self) -> frozenset[str]:
        """Models that were taken away, so that nobody needs to miss them."""
        return self._unloaded

    def get(self, name: str) -> Variant | None:
        """The model of that name, if it is ready."""
        slot = self._slots.get(name)
        return slot.variant if slot else None

    def ready(self, task: TaskName | None = None) -> list[Variant]:
        """All ready models, or those of a task, by name."""
        variants = [slot.variant for _, slot in sorted(self._slots.items()) if slot.variant]
        return [variant for variant in variants if task in (None, variant.card.task)]

    def infos(self) -> list[ModelInfo]:
        """All models, by name, failed ones too."""
        return [info for name in sorted(self._slots) if (info := self.info(name))]

    def info(self, name: str, *, provenance: bool = False) -> ModelInfo | None:
        """One model, or None if the name is unknown."""
        slot = self._slots.get(name)
        if slot is None:
            return None
        if slot.variant is None:
            return ModelInfo(name=name, state=slot.state(), error=slot.error)
        return slot.variant.info(provenance=provenance).model_copy(update={"error": slot.error})

    def stop(self, seconds: float) -> None:
        """Stop all workers; queued work is answered first."""
        for variant in self.ready():
            variant.worker.stop()
        for variant in self.ready():
            variant.worker.join(seconds)

    def _placement(self, name: str) -> Placement:
        """Where a model runs; one that was added later shares the others' cores."""
        if name not in self._placements:
            others = list(self._placements.values())
            self._placements[name] = (
                replace(others[0], cores=()) if others else _place(self._settings, (name,))[name]
            )
        return self._placements[name]

    def _found(self) -> tuple[str, ...]:
        folder = self._settings.models_dir
        if not folder.is_dir():
            return ()
        return tuple(
            sorted(
                path.name
                for path in folder.iterdir()
                if _NAME.fullmatch(path.name) and (path / CARD_FILE).is_file()
            )
        )


def _place(settings: Settings, names: tuple[str, ...]) -> dict[str, Placement]:
    """Share out the cores: bound to its own each model, if there are enough for all.

    If not, two busy models could be bound to one core while another is idle. Workers do not know of
    each other: each takes its share of the cores, and binds itself to none.
    """
    cores = available_cores()
    share = max(1, len(cores) // settings.workers)
    threads = settings.threads or max(1, share // max(1, len(names)))
    slots = Slots(max(1, share // threads))
    enough = len(names) * threads <= len(cores)
    pin = settings.pin_threads and settings.workers == 1 and cpu_quota() is None and enough
    return {
        name: Placement(
            threads=threads,
            cores=tuple(cores[index * threads : (index + 1) * threads]) if pin else (),
            slots=slots,
        )
        for index, name in enumerate(names)
    }
