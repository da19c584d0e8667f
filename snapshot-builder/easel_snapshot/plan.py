"""What a build will do; or why it would not end well, all reasons at once. Nothing is made here."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from botocore.exceptions import ClientError

from easel_snapshot import machine, network, rights, sizes
from easel_snapshot.aws import Aws
from easel_snapshot.build_id import BuildId
from easel_snapshot.caller import Caller
from easel_snapshot.errors import RefusedError, SnapshotError
from easel_snapshot.image_reference import ImageReference, parse_images
from easel_snapshot.launch import DataVolume, InstanceAccess, launch_request
from easel_snapshot.manifests import ImageSource, ResolvedImage, resolve
from easel_snapshot.network import Subnet
from easel_snapshot.options import BuildOptions
from easel_snapshot.removal import PATH, resource_name
from easel_snapshot.tags import MOST_IMAGES, MOST_OWN_TAGS, build_tags
from easel_snapshot.tfvars import TfvarsEdit, plan_edit

T = TypeVar("T")

SourceOf = Callable[[ImageReference], ImageSource]


@dataclass(frozen=True)
class Plan:
    """A build that nothing is known to speak against.

    Attributes:
        build: its id.
        options: as they were given.
        caller: whose account it is.
        images: as they are in their registries now.
        compressed_bytes: that are pulled.
        volume_gib: size of the data volume and the snapshot.
        ami_id: Bottlerocket's.
        instance_type: as given, or the default.
        subnets: to be tried in this order.
        edit: what changes in the tfvars; None: nothing is written.
        notes: what could not be looked at.
    """

    build: BuildId
    options: BuildOptions
    caller: Caller
    images: list[ResolvedImage]
    compressed_bytes: int
    volume_gib: int
    ami_id: str
    instance_type: str
    subnets: list[Subnet]
    edit: TfvarsEdit | None
    notes: list[str]

    @property
    def tags(self) -> dict[str, str]:
        """Of everything that is made."""
        return build_tags(self.build, self.options.tags)


def make_plan(
    aws: Aws, source_of: SourceOf, caller: Caller, options: BuildOptions, build: BuildId
) -> Plan:
    """Looks at everything that can be looked at before something is made.

    Args:
        aws: clients.
        source_of: the registry of an image.
        caller: who builds.
        options: what is asked for.
        build: the new build's id.

    Raises:
        RefusedError: names everything that speaks against it.
    """
    return _Planner(aws, source_of, caller, options, build).plan()


class _Planner:
    def __init__(
        self, aws: Aws, source_of: SourceOf, caller: Caller, options: BuildOptions, build: BuildId
    ) -> None:
        self._aws, self._source_of, self._caller = aws, source_of, caller
        self._options, self._build = options, build
        self._problems: list[str] = []
        self._notes: list[str] = []

    def plan(self) -> Plan:
        images = self._images()
        compressed = sizes.compressed_bytes(images)
        volume_gib = self._volume_gib(compressed)
        ami_id = self._try(self._ami, "")
        instance_type = self._instance_type()
        nowhere: list[Subnet] = []
        subnets = self._try(lambda: self._subnets(images), nowhere)
        edit = self._try(lambda: self._edit(images, volume_gib), None)
        self._keys_and_regions()
        self._ask_for_rights(ami_id, instance_type, subnets, volume_gib)
        if self._problems:
            raise RefusedError(self._problems)
        return Plan(
            build=self._build,
            options=self._options,
            caller=self._caller,
            images=images,
            compressed_bytes=compressed,
            volume_gib=volume_gib,
            ami_id=ami_id,
            instance_type=instance_type,
            subnets=subnets,
            edit=edit,
            notes=self._notes,
        )

    def _try(self, look: Callable[[], T], otherwise: T) -> T:
        try:
            return look()
        except SnapshotError as error:
            self._problems += str(error).split("\n")
        except ClientError as error:
            self._problems.append(str(error))
        return otherwise

    def _images(self) -> list[ResolvedImage]:
        named, wrong = parse_images(self._options.images, self._caller.registry)
        self._problems += wrong
        if len(named) > MOST_IMAGES:
            self._problems.append(f"{len(named)} images are too many: {MOST_IMAGES} at most")
            return []
        found: list[ResolvedImage] = []
        for image in named:
            resolved = self._try(partial(self._resolved, image), None)
            found += [resolved] if resolved else []
        return found

    def _resolved(self, image: ImageReference) -> ResolvedImage | None:
        return resolve(image, self._source_of(image), self._options.architecture)

    def _volume_gib(self, compressed: int) -> int:
        given = self._options.volume_gib
        least = sizes.least_gib(compressed)
        if given is None:
            return sizes.default_gib(compressed)
        if not sizes.SMALLEST_GIB <= given <= sizes.LARGEST_GIB:
            self._problems.append(
                f"--volume-size must be {sizes.SMALLEST_GIB} to {sizes.LARGEST_GIB} GiB"
            )
        elif given < least:
            self._problems.append(
                f"{given} GiB are too small: the images are {compressed / 1024**3:.1f} GiB "
                f"compressed, which takes {least} GiB unpacked; the default would be "
                f"{sizes.default_gib(compressed)}"
            )
        return given

    def _ami(self) -> str:
        options = self._options
        name = machine.ami_parameter(
            options.kubernetes, options.variant, options.architecture, options.bottlerocket
        )
        return machine.find_ami(self._aws, name)

    def _instance_type(self) -> str:
        options = self._options
        default = machine.DEFAULT_TYPES[options.architecture, options.variant]
        name = options.instance_type or default
        self._try(
            lambda: machine.check_instance_type(
                self._aws, name, options.architecture, options.variant
            ),
            None,
        )
        return name

    def _subnets(self, images: list[ResolvedImage]) -> list[Subnet]:
        options = self._options
        registries = [image.reference.ecr for image in images]
        subnets = network.find_subnets(
            self._aws,
            subnet_id=options.subnet_id,
            vpc_id=options.vpc_id,
            only_own_ecr=all(one and one.region == options.region for one in registries),
        )
        if options.security_group_id:
            network.check_security_group(self._aws, options.security_group_id, subnets[0].vpc_id)
        return subnets

    def _edit(self, images: list[ResolvedImage], volume_gib: int) -> TfvarsEdit | None:
        options = self._options
        if options.tfvars is None:
            return None
        return plan_edit(
            options.tfvars,
            names={str(image.reference) for image in images},
            own=self._caller.registry,
            runtimes=options.runtimes,
            volume_gib=volume_gib,
            initialization_rate=options.initialization_rate,
        )

    def _keys_and_regions(self) -> None:
        options = self._options
        if len(options.tags) > MOST_OWN_TAGS:
            self._problems.append(f"--tag may be given {MOST_OWN_TAGS} times at most")
        keys = [(options.region, options.kms_key), *((c.region, c.kms_key) for c in options.copies)]
        if options.copies:
            self._try(self._check_regions, None)
        for region, key in keys:
            if key:
                self._try(partial(self._check_key, region, key), None)
        if options.fast_restore_zones:
            self._try(self._check_zones, None)

    def _check_regions(self) -> None:
        known = {one["RegionName"] for one in self._aws.ec2.describe_regions()["Regions"]}
        for copy in self._options.copies:
            if copy.region == self._options.region:
                self._problems.append(
                    f"--copy-to-region {copy.region} is where the snapshot is made"
                )
            elif copy.region not in known:
                self._problems.append(
                    f"--copy-to-region {copy.region}: not a region of this account; between China "
                    "and the rest of the world there is no copy: build it there"
                )

    def _check_key(self, region: str, key: str) -> None:
        found = self._aws.client("kms", region).describe_key(KeyId=key)["KeyMetadata"]
        if found["KeyState"] != "Enabled" or found["KeyUsage"] != "ENCRYPT_DECRYPT":
            raise SnapshotError(
                f"KMS key {key} in {region} cannot encrypt: it is {found['KeyState']}"
            )

    def _check_zones(self) -> None:
        zones = self._aws.ec2.describe_availability_zones()["AvailabilityZones"]
        known = {str(zone["ZoneName"]) for zone in zones}
        unknown = sorted(set(self._options.fast_restore_zones) - known)
        if unknown:
            raise SnapshotError(
                f"--fast-restore: {self._options.region} has no zone {', '.join(unknown)}; "
                f"it has {', '.join(sorted(known))}"
            )

    def _ask_for_rights(
        self, ami_id: str, instance_type: str, subnets: list[Subnet], volume_gib: int
    ) -> None:
        options = self._options
        makes_role = options.instance_profile is None
        missing, note = rights.missing_rights(
            self._aws,
            self._caller,
            resource_name=PATH + resource_name(self._build.text),
            makes_role=makes_role,
        )
        answers: list[str | None] = [*missing]
        if ami_id and subnets:
            # Only what is known to be right: EC2 would name the wrong thing once more.
            request = launch_request(
                ami_id=ami_id,
                instance_type=instance_type,
                subnet=subnets[0],
                volume=DataVolume(volume_gib, options.kms_key),
                tags=build_tags(self._build, options.tags),
                access=InstanceAccess(options.security_group_id, options.instance_profile),
            )
            run = self._aws.ec2.run_instances
            answers.append(rights.dry_run("ec2:RunInstances", run, **request))
        if subnets and not options.security_group_id:
            group = {"GroupName": resource_name(self._build.text), "VpcId": subnets[0].vpc_id}
            answers.append(
                rights.dry_run(
                    "ec2:CreateSecurityGroup",
                    self._aws.ec2.create_security_group,
                    Description="dry run",
                    **group,
                )
            )
        self._problems += [answer for answer in answers if answer]
        self._notes += [note] if note else []
