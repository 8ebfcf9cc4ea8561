"""The first minute with boto3: what the report says is what the API says.

Called with the endpoint and the run's result.json, while `ssm-fleet run --hold`
keeps plane and fleet up. Fails with an assertion that names what differs.
"""

import json
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, result_file = sys.argv[1:]
ssm = boto3.client(
    "ssm",
    endpoint_url=endpoint,
    region_name="us-east-1",
    aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
    aws_secret_access_key="example",
    config=Config(retries={"max_attempts": 1}),
)
with open(result_file) as file:
    result = json.load(file)


def pages(operation, key, **arguments):
    """All items of a paginated operation."""
    return [item for page in ssm.get_paginator(operation).paginate(**arguments) for item in page[key]]


def executions_of(association):
    """The executions of an association, oldest first."""
    return pages("describe_association_executions", "AssociationExecutions", AssociationId=association)[::-1]


def refused(code, call, **arguments):
    """The call is refused under exactly this name."""
    try:
        call(**arguments)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error
        return
    raise AssertionError(f"{code} did not come")


def wait_for(what, check, seconds=60):
    """Polls until the check gives something."""
    for _ in range(seconds * 5):
        found = check()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited in vain for {what}")


# Compliance agrees with the report. First of all, as the next round changes it.
summary = [
    item for item in pages("list_compliance_summaries", "ComplianceSummaryItems") if item["ComplianceType"] == "Association"
]
begun = [
    association["name"]
    for association in result["associations"]
    if len(executions_of(association["id"])) != len(association["rounds"])
]
assert not begun, f"too late to compare compliance: the next round of {begun} has begun"
assert summary[0]["CompliantSummary"]["CompliantCount"] == result["compliance"]["compliant"], summary
assert summary[0]["NonCompliantSummary"]["NonCompliantCount"] == result["compliance"]["non_compliant"], summary

# The nodes, page by page, each once.
nodes = pages("describe_instance_information", "InstanceInformationList", MaxResults=7)
ids = [node["InstanceId"] for node in nodes]
online = sum(cohort["online"] for cohort in result["nodes"]["cohorts"])
assert len(ids) == len(set(ids)) == online, (len(ids), len(set(ids)), online)
assert {node["PlatformType"] for node in nodes} == {"Linux", "Windows", "MacOS"}

# Executions and their targets agree with the report.
for association in result["associations"]:
    executions = executions_of(association["id"])
    # Further rounds may have begun since.
    assert len(executions) >= len(association["rounds"]) > 0
    for execution, round_ in zip(executions, association["rounds"]):
        assert execution["ExecutionId"] == round_["execution"], (execution, round_)
        targets = pages(
            "describe_association_execution_targets",
            "AssociationExecutionTargets",
            AssociationId=association["id"],
            ExecutionId=execution["ExecutionId"],
        )
        statuses = [target["Status"] for target in targets]
        counted = {status: statuses.count(status) for status in set(statuses)}
        assert counted == round_["runs"], (association["name"], counted, round_["runs"])

# A new association on a tag is picked up by the nodes with it, and by no others.
tagged = {
    node for node in ids
    if {"Key": "Env", "Value": "prod"}
    in ssm.list_tags_for_resource(ResourceType="ManagedInstance", ResourceId=node)["TagList"]
}
assert 0 < len(tagged) < len(ids)
made = ssm.create_association(
    Name="AWS-RunShellScript",
    AssociationName="by-boto3",
    Targets=[{"Key": "tag:Env", "Values": ["prod"]}],
    Parameters={"commands": ["echo hello"]},
)["AssociationDescription"]
assert made["Overview"]["Status"] == "Pending" and "InstanceId" not in made, made
association_id = made["AssociationId"]


def finished():
    """The execution, once it is over."""
    executions = ssm.describe_association_executions(AssociationId=association_id)["AssociationExecutions"]
    return [one for one in executions if one["Status"] not in ("Pending", "InProgress")]


execution = wait_for("the execution's end", finished)[0]
targets = pages(
    "describe_association_execution_targets",
    "AssociationExecutionTargets",
    AssociationId=association_id,
    ExecutionId=execution["ExecutionId"],
)
assert {target["ResourceId"] for target in targets} == tagged
assert ssm.describe_association(AssociationId=association_id)["AssociationDescription"]["Overview"]["Status"] in (
    "Success",
    "Failed",
)
listed = pages("list_associations", "Associations", MaxResults=1)
assert association_id in {association["AssociationId"] for association in listed}

# The two refusals by name, and others.
linux = next(node["InstanceId"] for node in nodes if node["PlatformType"] == "Linux")
refused(
    "UnsupportedPlatformType",
    ssm.create_association,
    Name="first-look-windows",
    Targets=[{"Key": "InstanceIds", "Values": [linux]}],
)
refused(
    "InvalidInstanceId",
    ssm.create_association,
    Name="first-look-hello",
    Targets=[{"Key": "InstanceIds", "Values": ["i-0123456789abcdef0"]}],
)
refused("InvalidDocument", ssm.create_association, Name="No-Such-Document", Targets=[{"Key": "InstanceIds", "Values": ["*"]}])
refused("AssociationDoesNotExist", ssm.describe_association, AssociationId="00000000-0000-4000-8000-000000000000")
refused("InvalidNextToken", ssm.list_associations, NextToken="not-one-of-ours")

ssm.delete_association(AssociationId=association_id)
refused("AssociationDoesNotExist", ssm.describe_association, AssociationId=association_id)
print("the API agrees with the report")
