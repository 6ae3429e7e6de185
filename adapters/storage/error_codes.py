"""Translate an error of each of the three clouds' protocols, for every client library.

An error is an HTTP status and the service's own code. It becomes `Throttled` (send less),
`Retry` (send it again) or a `Reject` with one line: the store, the fault and the remedy.
"""

from collections.abc import Mapping
from typing import NamedTuple

from adapters.storage.location import Location
from tunelet.errors import Reject, Retry


class Dialect(NamedTuple):
    """One protocol's error codes. A code matches by its beginning."""

    vendor: str
    bucket: str
    no_bucket: str
    needed: Mapping[str, str]
    """The permission for each of "read", "write", "delete" and "list"."""
    renew: str
    """How to get a valid credential."""
    throttled: tuple[str, ...] = ()
    passing: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    skewed: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    """Codes that may mean a wrong signature, a missing permission or a closed firewall."""

    def meaning(
        self,
        location: Location,
        right: str,
        status: int,
        code: str,
        headers: Mapping[str, str] | None = None,
    ) -> Retry | Reject:
        """Return the error to raise for an answer to a request that needed `right`."""
        said = f"{status} {code}".strip()
        if status == 429 or code.startswith(self.throttled):
            return location.throttled(said, headers)
        # No condition was set, so a 412 here means that a proxy repeats requests.
        # 501 comes from an S3 look-alike that does not support conditions.
        if code.startswith(self.passing) or status in (408, 412, 425) or 501 != status >= 500:
            return location.retry(said, headers)
        message, remedy = self._refusal(right, status, code, said)
        return location.refuse(message, remedy)

    def no_credentials(self, location: Location, why: str) -> Reject:
        return location.refuse(
            f"no usable {self.vendor} credentials were found ({why})", self.renew
        )

    def _refusal(self, right: str, status: int, code: str, said: str) -> tuple[str, str]:
        if code == self.no_bucket:
            where = f"create it, or correct its name and where {self.vendor}'s variables point"
            return f"the {self.bucket} does not exist", where
        if code.startswith(self.expired):
            return (
                f"the {self.vendor} credentials have expired ({said})",
                f"renew them: {self.renew}",
            )
        if code.startswith(self.skewed):
            return f"this machine's clock is wrong ({said})", "set it right"
        if code.startswith(self.elsewhere):
            return f"the {self.bucket} is in another region ({said})", "set AWS_REGION"
        if status == 401 or code.startswith(self.unknown):
            return (
                f"the {self.vendor} credentials are wrong ({said})",
                f"correct them: {self.renew}",
            )
        if code.startswith(self.doubtful):
            remedy = (
                f"renew them, grant {self.needed[right]}, or let this address through the firewall"
            )
            return f"the {self.vendor} credentials were refused ({said})", remedy
        if status == 403:
            return f"the credentials may not {right} here ({said})", f"grant {self.needed[right]}"
        return f"the store refused to {right} ({said})", "look the code up in the store's documents"


S3 = Dialect(
    vendor="AWS",
    bucket="bucket",
    no_bucket="NoSuchBucket",
    needed={
        "read": "s3:GetObject, and s3:ListBucket to tell a missing object from a forbidden one",
        "write": "s3:PutObject, and kms:GenerateDataKey if it is encrypted with a key of your own",
        "delete": "s3:DeleteObject",
        "list": "s3:ListBucket",
    },
    renew="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or "
    "AWS_PROFILE, or use a workload identity",
    # MinIO says SlowDownRead and SlowDownWrite.
    throttled=("SlowDown", "Throttl", "RequestLimitExceeded", "TooManyRequests"),
    # 409: another write to the key was in progress, and neither outcome is known yet.
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    passing=("ConditionalRequestConflict", "OperationAborted", "RequestTimeout"),
    expired=("ExpiredToken", "TokenRefreshRequired"),
    unknown=("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidClientTokenId"),
    elsewhere=("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraint"),
    skewed=("RequestTimeTooSkewed",),
)
AZURE = Dialect(
    vendor="Azure",
    bucket="container",
    no_bucket="ContainerNotFound",
    needed={
        "read": "Storage Blob Data Reader (SAS: r)",
        "write": "Storage Blob Data Contributor (SAS: c and w)",
        "delete": "Storage Blob Data Contributor (SAS: d)",
        "list": "Storage Blob Data Reader (SAS: l)",
    },
    renew="set AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY "
    "or AZURE_STORAGE_SAS_TOKEN, or use a workload identity or az login",
    throttled=("ServerBusy",),
    passing=("ContainerBeingDeleted", "OperationTimedOut", "AccountBeingCreated"),
    unknown=("AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation"),
    doubtful=("AuthorizationFailure",),
)
GCS = Dialect(
    vendor="Google",
    bucket="bucket",
    no_bucket="NoSuchBucket",
    needed={
        "read": "storage.objects.get",
        "write": "storage.objects.create and, to overwrite, storage.objects.delete",
        "delete": "storage.objects.delete",
        "list": "storage.objects.list",
    },
    renew="set GOOGLE_APPLICATION_CREDENTIALS, run gcloud auth application-default login, or "
    "use a workload identity",
    # The XML API's words; the JSON API has statuses only. 409: a concurrent write to the object.
    throttled=("SlowDown", "TooManyRequests"),
    passing=("OperationAborted", "Conflict"),
)
