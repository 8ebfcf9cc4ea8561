"""The whole story with boto3: from a document to the deletion of all that was made.

Called with the endpoint, a document's content and a schedule that comes each full
hour, while a plane and a fleet run whose time is scaled. Four nodes are tagged
`For=boto3`. Fails with an assertion that names what differs.
"""

import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, content, each_hour = sys.argv[1:]
ssm = boto3.client(
    "ssm",
    endpoint_url=endpoint,
    region_name="us-east-1",
    aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
    aws_secret_access_key="example",
    config=Config(retries={"max_attempts": 1}),
)
NAME = "boto3-hello"
TARGETS = [{"Key": "tag:Team", "Values": ["boto3"]}]


def pages(operation, key, **arguments):
    """All items of a paginated operation."""
    return [item for page in ssm.get_paginator(operation).paginate(**arguments) for item in page[key]]


def refused(code, call, **arguments):
    """The call is refused under exactly this name."""
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert error.response["Error"]["Message"], error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error
        assert error.response["ResponseMetadata"]["RequestId"], error
        return
    raise AssertionError(f"{code} did not come")


def wait_for(what, check, seconds=90):
    """Polls until the check gives something."""
    for _ in range(seconds * 5):
        found = check()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited in vain for {what}")


def online(tag):
    """The nodes with this tag, once all four of them are online."""
    filters = [{"Key": f"tag:{tag}", "Values": ["boto3"]}]
    nodes = pages("describe_instance_information", "InstanceInformationList", Filters=filters)
    nodes = [node["InstanceId"] for node in nodes if node["PingStatus"] == "Online"]
    return nodes if len(nodes) == 4 else None


def executions(version):
    """The executions of this version, the newest first."""
    found = pages("describe_association_executions", "AssociationExecutions", AssociationId=association)
    return [one for one in found if one["AssociationVersion"] == version]


def targets(execution, *statuses):
    """The nodes of an execution that have one of these statuses."""
    rows = pages(
        "describe_association_execution_targets",
        "AssociationExecutionTargets",
        AssociationId=association,
        ExecutionId=execution["ExecutionId"],
    )
    return sorted(row["ResourceId"] for row in rows if row["Status"] in statuses)


def ended(count):
    """The newest execution of the second version, once this many have ended well."""
    found = executions("2")
    assert len(found) <= count, found
    return found[0] if len(found) == count and found[0]["Status"] == "Success" else None


# A document.
made = ssm.create_document(Name=NAME, DocumentType="Command", Content=content)["DocumentDescription"]
assert (made["Name"], made["DocumentVersion"], made["SchemaVersion"]) == (NAME, "1", "2.2"), made
assert made["Parameters"] == [{"Name": "greeting", "Type": "String", "DefaultValue": "hello"}], made
assert ssm.get_document(Name=NAME)["Content"] == content

# Tags on nodes.
nodes = wait_for("the fleet", lambda: online("For"))
for node in nodes:
    of_node = {"ResourceType": "ManagedInstance", "ResourceId": node}
    ssm.add_tags_to_resource(**of_node, Tags=[{"Key": "Team", "Value": "boto3"}])
    tags = ssm.list_tags_for_resource(**of_node)["TagList"]
    assert tags == [{"Key": "For", "Value": "boto3"}, {"Key": "Team", "Value": "boto3"}], tags
assert online("Team") == nodes

# An association with a schedule and rate control.
made = ssm.create_association(
    Name=NAME,
    AssociationName="boto3-hourly",
    Targets=TARGETS,
    Parameters={"greeting": ["morning"]},
    ScheduleExpression=each_hour,
    ApplyOnlyAtCronInterval=True,
    MaxConcurrency="2",
    MaxErrors="25%",
    ComplianceSeverity="HIGH",
)["AssociationDescription"]
association = made["AssociationId"]
assert made["Overview"] == {"Status": "Pending", "DetailedStatus": "Creating"}, made
assert (made["AssociationVersion"], made["DocumentVersion"]) == ("1", "$DEFAULT"), made
assert (made["MaxConcurrency"], made["MaxErrors"], made["ComplianceSeverity"]) == ("2", "25%", "HIGH"), made
assert (made["ScheduleExpression"], made["Targets"]) == (each_hour, TARGETS), made
assert "InstanceId" not in made and "Status" not in made, made


def first_ended():
    """The first execution, once it is over; until then two nodes at a time are at it."""
    found = executions("1")
    if not found:
        return None
    admitted = targets(found[-1], "Pending", "InProgress")
    assert len(admitted) <= 2, admitted
    return found[-1] if found[-1]["Status"] not in ("Pending", "InProgress") else None


# Its first execution: at a full hour, on the tagged nodes and on no others.
first = wait_for("the first execution's end", first_ended)
assert (first["Status"], first["ResourceCountByStatus"]) == ("Success", "{Success=4}"), first
# The plane is late by what the machine is, as often over as its time is scaled.
assert first["CreatedTime"].timestamp() % 3600 < 600, first
assert targets(first, "Success") == sorted(nodes)

# An update: what is left out is cleared, but for document and nodes; it runs at once.
update = {
    "AssociationId": association,
    "AssociationVersion": "1",
    "AssociationName": "boto3-monthly",
    "Parameters": {"greeting": ["evening"]},
    "ScheduleExpression": "rate(30 days)",
}
changed = ssm.update_association(**update)["AssociationDescription"]
assert (changed["AssociationVersion"], changed["Name"], changed["Targets"]) == ("2", NAME, TARGETS), changed
assert "MaxConcurrency" not in changed and "MaxErrors" not in changed, changed
assert changed["Date"] == made["Date"] < changed["LastUpdateAssociationDate"], changed
second = wait_for("the second version's run", lambda: ended(1))
assert targets(second, "Success") == sorted(nodes)
refused("InvalidAssociationVersion", ssm.update_association, **update)

# Its versions.
versions = pages("list_association_versions", "AssociationVersions", AssociationId=association)
shown = [
    (one["AssociationVersion"], one["ScheduleExpression"], one.get("MaxConcurrency"), one["Parameters"]["greeting"])
    for one in versions
]
assert shown == [("1", each_hour, "2", ["morning"]), ("2", "rate(30 days)", None, ["evening"])], shown
old = ssm.describe_association(AssociationId=association, AssociationVersion="1")["AssociationDescription"]
assert (old["AssociationVersion"], old["MaxConcurrency"]) == ("1", "2"), old

# Once, out of turn.
ssm.start_associations_once(AssociationIds=[association])
third = wait_for("the run out of turn", lambda: ended(2))
assert targets(third, "Success") == sorted(nodes)
shown = ssm.describe_association(AssociationId=association)["AssociationDescription"]
assert shown["Overview"]["AssociationStatusAggregatedCount"] == {"Success": 4}, shown
assert (shown["Overview"]["Status"], shown["Overview"]["DetailedStatus"]) == ("Success", "Success"), shown
assert shown["LastSuccessfulExecutionDate"] >= third["CreatedTime"], shown
for node in nodes:
    items = pages("list_compliance_items", "ComplianceItems", ResourceIds=[node], ResourceTypes=["ManagedInstance"])
    assert [item["Status"] for item in items if item["Id"] == association] == ["COMPLIANT"], items

# The end.
refused("AssociatedInstances", ssm.delete_document, Name=NAME)
ssm.delete_association(AssociationId=association)
refused("AssociationDoesNotExist", ssm.describe_association, AssociationId=association)
filters = [{"key": "Name", "value": NAME}]
assert pages("list_associations", "Associations", AssociationFilterList=filters) == []
ssm.delete_document(Name=NAME)
refused("InvalidDocument", ssm.get_document, Name=NAME)
print("the story is told")
