"""The store in S3's protocol, against the server that TUNELET_TEST_S3_URL names."""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from adapters.storage import connect
from tests.contracts.answering import Said, answering
from tests.contracts.clouds import CloudStoreContract, bucket_url
from tunelet.errors import Reject
from tunelet.ports import Store
from tunelet.store_probe import examine, probe


@pytest.mark.stores
class TestS3Store(CloudStoreContract):
    variable = "TUNELET_TEST_S3_URL"
    client = "boto3"


def lent(tokens: Any, actions: Sequence[str]) -> Any:
    """A temporary credential with only the named rights."""
    allowed = {"Effect": "Allow", "Action": list(actions), "Resource": ["arn:aws:s3:::*"]}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    role = "arn:aws:iam::123456789012:role/limited"
    try:
        given = tokens.assume_role(RoleArn=role, RoleSessionName="test", Policy=policy)
    except ClientError as error:
        pytest.skip(f"this server lends no credentials: {error}")
    return given["Credentials"]


@pytest.fixture(params=["boto3", "obstore"])
def limited(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Store]:
    """Opens the bucket with the rights that are named, and no others."""
    url = f"{bucket_url('TUNELET_TEST_S3_URL')}/limited?client={request.param}"
    tokens = boto3.Session().client("sts", endpoint_url=os.environ.get("AWS_ENDPOINT_URL_S3"))

    def opened(*actions: str) -> Store:
        given = lent(tokens, actions)
        for name, field in (
            ("AWS_ACCESS_KEY_ID", "AccessKeyId"),
            ("AWS_SECRET_ACCESS_KEY", "SecretAccessKey"),
            ("AWS_SESSION_TOKEN", "SessionToken"),
        ):
            monkeypatch.setenv(name, given[field])
        return connect(url)

    return opened


@pytest.mark.stores
def test_an_error_names_the_rights_that_a_reader_lacks(limited: Callable[..., Store]) -> None:
    store = limited("s3:GetObject", "s3:ListBucket")
    rights = {right.name: right.fault for right in examine(store).rights}
    assert rights["read"] is rights["list"] is None
    for name, needed in (("write", "s3:PutObject"), ("delete", "s3:DeleteObject")):
        assert isinstance(rights[name], Reject)
        assert f"may not {name} here (403 AccessDenied); grant {needed}" in str(rights[name])


@pytest.mark.stores
def test_an_error_tells_a_writer_that_it_may_not_read(limited: Callable[..., Store]) -> None:
    store = limited("s3:PutObject", "s3:DeleteObject")
    rights = {right.name: right.fault for right in examine(store).rights}
    assert rights["write"] is rights["delete"] is None
    assert "grant s3:GetObject" in str(rights["read"])
    assert "grant s3:ListBucket" in str(rights["list"])


@pytest.mark.stores
@pytest.mark.parametrize("client", ["boto3", "obstore"])
@pytest.mark.parametrize("wrong", ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])
def test_wrong_keys_are_named_in_the_error(
    client: str, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = bucket_url("TUNELET_TEST_S3_URL")
    monkeypatch.setenv(wrong, "wrong")
    with pytest.raises(Reject, match=f"^{url}: the AWS credentials are wrong .* correct them"):
        connect(f"{url}?client={client}").get("k")


def pod(address: str, token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that EKS gives to a pod with an identity, and nothing else."""
    settled = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE")
    for name in (*settled, "AWS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    token.write_text("from the cluster")
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{address}/v1/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", str(token))


@pytest.mark.stores
@pytest.mark.parametrize("client", ["boto3", "obstore"])
def test_pod_identity_opens_the_bucket(
    client: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = bucket_url("TUNELET_TEST_S3_URL")
    tokens = boto3.Session().client("sts", endpoint_url=os.environ.get("AWS_ENDPOINT_URL_S3"))
    given = lent(tokens, ["s3:*"])
    body = json.dumps(
        {
            "AccessKeyId": given["AccessKeyId"],
            "SecretAccessKey": given["SecretAccessKey"],
            "Token": given["SessionToken"],
            "Expiration": given["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
    )
    with answering(Said(200, body, {"Content-Type": "application/json"})) as address:
        pod(address, tmp_path / "token", monkeypatch)
        assert probe(connect(f"{url}/pod?client={client}")).trusted


@pytest.mark.parametrize("client", ["boto3", "obstore"])
def test_a_refused_pod_identity_counts_as_no_credentials(
    client: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(Said(403, '{"message": "no such association"}')) as address:
        pod(address, tmp_path / "token", monkeypatch)
        monkeypatch.setenv("AWS_REGION", "eu-west-1")
        monkeypatch.setenv("AWS_METADATA_SERVICE_NUM_ATTEMPTS", "1")
        with pytest.raises(Reject, match="no usable AWS credentials were found"):
            connect(f"s3://some-bucket?client={client}").get("k")
