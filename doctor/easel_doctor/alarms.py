"""CloudWatch's alarms of the stack."""

from easel_doctor.finding import Finding, fail, found
from easel_doctor.subject import Subject

_ALARM = "ALARM"
_TYPES = ("MetricAlarm", "CompositeAlarm")


def look_at_alarms(subject: Subject) -> Finding:
    """Asks for the alarms that bear the stack's name."""
    pages = (
        subject.aws.client("cloudwatch")
        .get_paginator("describe_alarms")
        # Without the types it leaves out the composite ones.
        .paginate(AlarmNamePrefix=f"{subject.settings.name}-", AlarmTypes=list(_TYPES))
    )
    alarms = [
        alarm
        for page in pages
        for kind in (f"{one}s" for one in _TYPES)
        for alarm in page.get(kind, [])
    ]
    problems = [
        fail(
            f"alarm {one['AlarmName']}: {one.get('StateReason') or 'no reason is told'}",
            f"aws cloudwatch describe-alarms --region {subject.settings.region} "
            f"--alarm-names {one['AlarmName']}",
        )
        for one in alarms
        if one.get("StateValue") == _ALARM
    ]
    if not alarms:
        return found(f"none is set whose name begins with {subject.settings.name}-")
    return found(f"{len(problems)} of {len(alarms)} are raised", problems)
