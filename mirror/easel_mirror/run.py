"""One call of `easel mirror`: survey, table, copy, settings."""

import os
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from easel_deploy.exit_status import ExitStatus
from easel_mirror.copying import Copying
from easel_mirror.credentials import EcrCredentials
from easel_mirror.display import ConsoleDisplay
from easel_mirror.ecr_repositories import EcrRepositories
from easel_mirror.errors import MirrorError
from easel_mirror.mirrored_settings import mirrored_settings, write_settings
from easel_mirror.registry import Registries, Registry
from easel_mirror.report import Report, report_lines, result_as_json
from easel_mirror.retries import Patience
from easel_mirror.settings import EnvironmentSettings, read_settings
from easel_mirror.spool import Spool
from easel_mirror.survey import Surveyor
from easel_mirror.wanted_list import wanted_list

REGISTRY_ADDRESS_VARIABLE = "EASEL_ECR_ADDRESS"
"""`host[:port]` where ECR is reached under another name than its own: an interface endpoint
without private DNS, a relay."""

_CONFIG = Config(
    connect_timeout=5, read_timeout=30, retries={"mode": "standard", "max_attempts": 5}
)


@dataclass(frozen=True)
class Options:
    """What a person asked for.

    Attributes:
        folder: of the environment; None: `images` alone.
        copies: whether to copy, not only to look.
        images: further references.
        platforms: that are copied of images; empty: all.
        host: of another registry than ECR; None: ECR.
        prefix: there; None: the environment's.
        spool: folder for what is on its way.
        parallel: how many blobs at once.
        as_json: whether the result is JSON.
    """

    folder: Path | None
    copies: bool
    images: tuple[str, ...]
    platforms: frozenset[str]
    host: str | None
    prefix: str | None
    spool: Path
    parallel: int
    as_json: bool


@dataclass(frozen=True)
class Target:
    """Where to: a registry; and of ECR its repositories, their tags and who signs in."""

    registry: Registry
    repositories: EcrRepositories | None
    tags: Mapping[str, str]
    credentials: EcrCredentials | None = None


class Run:
    """One call."""

    def __init__(
        self,
        options: Options,
        console: Console,
        stop: threading.Event,
        sources: Registries | None = None,
    ) -> None:
        """Takes what to do, where to show it, what ends it, and what registries are known."""
        self._sources = sources or Registries()
        self._options = options
        self._console = console
        self._stop = stop
        self._patience = Patience(sleep=lambda seconds: _pause(stop, seconds))

    def result(self) -> ExitStatus:
        """Does it and prints what came of it.

        Raises:
            MirrorError: nothing of it can be done.
        """
        options = self._options
        settings = _settings_of(options)
        target = target_of(settings, options.host)
        listed = wanted_list(settings, target.registry.host, options.images)
        if options.folder is None:
            # Without an environment there is no deployment whose pins would be meant.
            listed = replace(
                listed, copies=tuple(one for one in listed.copies if one.name in options.images)
            )
        sources = self._sources
        surveyor = Surveyor(target.registry, sources, self._patience, self._stop, self._note)
        found = surveyor.look(listed.copies, options.platforms, options.parallel)
        own = [surveyor.look_at_own(image) for image in listed.own_images]
        report = Report(target.registry.host, found, own)
        if target.repositories is not None:
            names = {one.wanted.copied_to for one in found}
            report.new_repositories = sorted(target.repositories.missing(names))
            report.warnings = target.repositories.warnings(names)
        if not options.as_json:
            self._console.print("\n".join(report_lines(report)), markup=False, soft_wrap=True)
        if options.copies:
            self._copy(target, sources, report)
            self._write_settings(settings, report)
        if options.as_json:
            sys.stdout.write(result_as_json(report))
        return ExitStatus.FAILED if report.problems else ExitStatus.COMPLETED

    def _copy(self, target: Target, sources: Registries, report: Report) -> None:
        due = [one for one in report.found if one.problem is None and not one.is_there]
        if target.repositories is not None:
            for name in sorted({one.wanted.copied_to for one in due}):
                if name in report.new_repositories:
                    target.repositories.create(name, target.tags)
        total = sum({d: one.blobs[d].size for one in due for d in one.missing}.values())
        with (
            Spool(self._options.spool) as spool,
            ConsoleDisplay(self._console, total).shown() as display,
        ):
            copying = Copying(
                target=target.registry,
                sources=sources,
                spool=spool,
                patience=self._patience,
                stop=self._stop,
                display=display,
            )
            failed = copying.run(due, self._options.parallel)
        for one in due:
            one.problem = failed.get(one.wanted.name)
            one.is_there = one.problem is None
        report.is_copied = True
        for name, problem in failed.items():
            self._note(f"{name} is not copied: {problem}")

    def _write_settings(self, settings: EnvironmentSettings, report: Report) -> None:
        options = self._options
        if options.folder is None:
            return
        if options.host is not None:
            self._note("no settings are written: Terraform's mirror is the account's ECR")
            return
        if any(one.problem for one in report.found):
            self._note("no settings are written, as something is missing: run the same again")
            return
        written = mirrored_settings(settings.prefix, report.found, report.host)
        report.settings_file = write_settings(options.folder, written)
        for one in report.found:
            if one.wanted.values_file is not None and one.root is not None:
                copy = (
                    f"repository: {report.host}/{one.wanted.copied_to}, digest: {one.root.digest}"
                )
                self._note(f"for you to write into {one.wanted.values_file}: {{{copy}}}")
        if not options.as_json:
            self._note(f"{report.settings_file} has Terraform pull from the mirror")

    def _note(self, text: str) -> None:
        ConsoleDisplay(self._console, 0).say(text)


def target_of(settings: EnvironmentSettings, host: str | None) -> Target:
    """Returns where to copy to.

    Args:
        settings: of the environment.
        host: of another registry than ECR; None: ECR.

    Raises:
        MirrorError: AWS does not take these credentials.
    """
    if host is not None:
        return Target(Registry(host), None, {})
    session = boto3.Session(region_name=settings.region)
    try:
        identity = session.client("sts", config=_CONFIG).get_caller_identity()
        client = session.client("ecr", config=_CONFIG)
    except (ClientError, BotoCoreError) as error:
        raise MirrorError(f"AWS does not say whose account this is: {error}") from error
    account = identity["Account"]
    suffix = session.get_partition_for_region(settings.region)
    domain = {"aws-cn": "amazonaws.com.cn"}.get(suffix, "amazonaws.com")
    name = f"{account}.dkr.ecr.{settings.region}.{domain}"
    credentials = EcrCredentials(account, settings.region, client)
    registry = Registry(name, credentials, ecr_address())
    tags = {"Stack": settings.name, "ManagedBy": "easel"} | settings.tags
    return Target(registry, EcrRepositories(client, account), tags, credentials)


def ecr_address() -> str | None:
    """Reads REGISTRY_ADDRESS_VARIABLE."""
    return os.environ.get(REGISTRY_ADDRESS_VARIABLE) or None


def _settings_of(options: Options) -> EnvironmentSettings:
    if options.folder is None:
        return EnvironmentSettings(Path(), "", "", {}, options.prefix or "")
    settings = read_settings(options.folder)
    return replace(settings, prefix=options.prefix or settings.prefix)


def _pause(stop: threading.Event, seconds: float) -> None:
    stop.wait(seconds)
