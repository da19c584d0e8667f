"""How each price is found in AWS's Price List: service, filters, and what one unit is there.

Service codes, families and usage types are those of the Price List's own index
(https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html); they
were read in public code and have not been tried against AWS.
"""

from dataclasses import dataclass, field
from decimal import Decimal

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Query:
    """One question to the Price List.

    Attributes:
        service: service code.
        usage: regular expression of the usage type, behind the region's prefix.
        filters: attributes that must be equal.
        units: how many of the Price List's units our price is for.
    """

    service: str
    usage: str
    filters: dict[str, str] = field(default_factory=dict)
    units: Decimal = Decimal(1)


QUERIES = {
    "eks.cluster": Query("AmazonEKS", r"AmazonEKS-Hours:perCluster"),
    "eks.cluster.extended-support": Query("AmazonEKS", r"AmazonEKS-Hours:extendedSupport"),
    "nat.gateway": Query("AmazonEC2", r"NatGateway-Hours", {"productFamily": "NAT Gateway"}),
    "nat.data": Query("AmazonEC2", r"NatGateway-Bytes", {"productFamily": "NAT Gateway"}),
    "ipv4.address": Query("AmazonVPC", r"PublicIPv4:InUseAddress"),
    "endpoint.interface": Query(
        "AmazonVPC", r"VpcEndpoint-Hours", {"productFamily": "VpcEndpoint"}
    ),
    "ebs.gp3.storage": Query("AmazonEC2", r"EBS:VolumeUsage\.gp3", {"productFamily": "Storage"}),
    "ebs.gp3.iops": Query(
        "AmazonEC2", r"EBS:VolumeP-IOPS\.gp3", {"productFamily": "System Operation"}
    ),
    # By GiB/s there, by MiB/s here.
    "ebs.gp3.throughput": Query(
        "AmazonEC2",
        r"EBS:VolumeP-Throughput\.gp3",
        {"productFamily": "Provisioned Throughput"},
        1 / Decimal(1024),
    ),
    "ebs.snapshot": Query("AmazonEC2", r"EBS:SnapshotUsage", {"productFamily": "Storage Snapshot"}),
    "kms.key": Query("awskms", r"KMS-Keys", {"productFamily": "Encryption Key"}),
    "secret": Query("AWSSecretsManager", r".*Secrets?", {"productFamily": "Secret"}),
    "logs.ingested": Query(
        "AmazonCloudWatch", r"DataProcessing-Bytes", {"productFamily": "Data Payload"}
    ),
    "logs.stored": Query(
        "AmazonCloudWatch", r"TimedStorage-ByteHrs", {"productFamily": "Storage Snapshot"}
    ),
    "alarms.metric": Query("AmazonCloudWatch", r"CW:AlarmMonitorUsage"),
    "alarms.composite": Query("AmazonCloudWatch", r"CW:CompositeAlarmMonitorUsage"),
    "metrics.own": Query("AmazonCloudWatch", r"CW:MetricMonitorUsage"),
    "ecr.storage": Query("AmazonECR", r"TimedStorage-ByteHrs"),
    "apigateway.requests": Query(
        "AmazonApiGateway", r"ApiGatewayRequest", {"productFamily": "API Calls"}, _MILLION
    ),
    "lambda.requests": Query("AWSLambda", r"Request", {"group": "AWS-Lambda-Requests"}, _MILLION),
    "lambda.gb-seconds": Query("AWSLambda", r"Lambda-GB-Second", {"group": "AWS-Lambda-Duration"}),
    "sns.requests": Query(
        "AmazonSNS", r"Requests-Tier1", {"productFamily": "API Request"}, _MILLION
    ),
    "sqs.requests": Query("AWSQueueService", r"Requests.*", {"queueType": "Standard"}, _MILLION),
    "s3.put": Query("AmazonS3", r"Requests-Tier1", {"group": "S3-API-Tier1"}, Decimal(1000)),
    "s3.storage": Query("AmazonS3", r"TimedStorage-ByteHrs", {"volumeType": "Standard"}),
    "dynamodb.writes": Query(
        "AmazonDynamoDB",
        r"WriteRequestUnits",
        {"group": "DDB-WriteUnits"},
        _MILLION,
    ),
    "dynamodb.reads": Query(
        "AmazonDynamoDB", r"ReadRequestUnits", {"group": "DDB-ReadUnits"}, _MILLION
    ),
    "dynamodb.storage": Query(
        "AmazonDynamoDB", r"TimedStorage-ByteHrs", {"productFamily": "Database Storage"}
    ),
    "dynamodb.backup": Query("AmazonDynamoDB", r"TimedPITRStorage-ByteHrs"),
}
"""By the keys of `prices.UNITS`.

Transfer to the internet, observations of Container Insights and dashboards are not asked for: the
first is sold by pairs of places, the second by names that were read nowhere, the third has one
price for all regions and no region's prefix.
"""


def instance_query(kind: str) -> Query:
    """Returns the question for an instance type by the hour, Linux, on demand.

    Args:
        kind: such as g5.xlarge.
    """
    return Query(
        "AmazonEC2",
        rf"BoxUsage:{kind.replace('.', '[.]')}",
        {
            "instanceType": kind,
            "operatingSystem": "Linux",
            "tenancy": "Shared",
            "preInstalledSw": "NA",
            "capacitystatus": "Used",
        },
    )
