"""The EKS cluster and the way to its API."""

from botocore.exceptions import ClientError

from easel_deploy.cluster.errors import ClusterError
from easel_doctor.cluster import ClusterReading
from easel_doctor.finding import Finding, Problem, fail, found, warn
from easel_doctor.subject import Subject

_ACTIVE = "ACTIVE"
_WORKING = {"UPDATING"}


def look_at_cluster(subject: Subject, reading: ClusterReading) -> Finding:
    """Asks EKS for the cluster's state, then the API server for its version."""
    name, region = str(subject.outputs["cluster_name"]), subject.settings.region
    try:
        cluster = subject.aws.client("eks").describe_cluster(name=name)["cluster"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        text = f"Terraform's state has cluster {name}, and EKS has none of that name in {region}"
        return found(name, [fail(text, f"make plan {subject.make_words} shows what is missing.")])
    problems: list[Problem] = []
    status = str(cluster["status"])
    if status != _ACTIVE:
        make = warn if status in _WORKING else fail
        look = f"aws eks describe-cluster --region {region} --name {name}"
        problems.append(make(f"cluster {name} is {status}", look))
    for issue in (cluster.get("health") or {}).get("issues") or []:
        text = f"{issue.get('code')}: {issue.get('message')}"
        problems.append(
            fail(text, "https://docs.aws.amazon.com/eks/latest/userguide/troubleshooting.html")
        )
    answered = "its API does not answer here"
    try:
        answered = f"its API answers as {reading.objects().version}"
    except ClusterError as error:
        problems.append(fail(str(error), "One of these, then `easel doctor` again."))
    return found(f"{name} is {status}, Kubernetes {cluster.get('version')}; {answered}", problems)
