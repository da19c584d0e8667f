"""One attempt to POST a callback."""

import socket
import ssl
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

import requests
import urllib3

from easel_contract.callback_url import is_allowed_callback_host
from easel_egress.guarded_session import GuardedSession, RefusedAddressError
from easel_webhook.callbacks import Callback

ATTEMPT_SECONDS = 10.0
"""For one attempt, from the name's resolution to the answer's head."""

_CONNECT_SECONDS = 5.0
_HEADERS = {"Content-Type": "application/json", "User-Agent": "easel-webhooks"}
_MAX_RETRY_AFTER_DIGITS = 6
_TOO_SLOW = "the receiver took too long"
_NETWORK_ERRORS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    OSError,
    ValueError,  # an answer's header that cannot be parsed
)
_USELESS_URL = (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, UnicodeError)


class Verdict(StrEnum):
    """What an attempt means for its callback."""

    DELIVERED = "delivered"
    RETRY = "retry"
    """It may go well another time."""
    FINAL = "final"
    """It will go no better: the receiver does not want it, or must not be reached."""


@dataclass(frozen=True)
class Attempt:
    """How an attempt went.

    Attributes:
        verdict: what follows.
        reason: in our own words and without the URL; "" where it was delivered.
        http_status: that the receiver answered; None where it did not.
        retry_after: seconds that the receiver asks to wait; 0 where it does not.
    """

    verdict: Verdict
    reason: str = ""
    http_status: int | None = None
    retry_after: int = 0


@dataclass(frozen=True)
class PostRules:
    """Where callbacks may go, and how long one may take.

    Attributes:
        callback_hosts: that they may go to; none allows every host.
        private_hosts: that may be at any address; all others must be at a public one.
        ca_file: PEM file of the authorities to trust; None trusts the public ones.
        seconds: for one attempt.
    """

    callback_hosts: Collection[str] = ()
    private_hosts: Collection[str] = ()
    ca_file: str | None = None
    seconds: float = ATTEMPT_SECONDS


def post_callback(callback: Callback, signature: Mapping[str, str], rules: PostRules) -> Attempt:
    """POSTs a callback once; neither follows a redirect nor reads the answer's body.

    Args:
        callback: to send; its body goes out as it is.
        signature: headers that sign it.
        rules: for where it goes and how long it takes.
    """
    if not is_allowed_callback_host(callback.url, rules.callback_hosts):
        return Attempt(Verdict.FINAL, "this stack allows no callbacks to the host")
    with GuardedSession(rules.private_hosts, rules.seconds) as session:
        try:
            answer = session.post(
                callback.url,
                data=callback.body.encode(),
                headers={**_HEADERS, **signature},
                timeout=(_CONNECT_SECONDS, rules.seconds),
                allow_redirects=False,
                stream=True,
                verify=rules.ca_file or True,
            )
            answer.close()  # unread: nothing in it is of use, and nothing bounds it
        except RefusedAddressError:
            return Attempt(Verdict.FINAL, "the host is not at a public address")
        except _USELESS_URL:
            return Attempt(Verdict.FINAL, "the URL is none that can be connected to")
        except _NETWORK_ERRORS as error:
            return Attempt(Verdict.RETRY, _reason(error, timed_out=session.timed_out))
        # Cut off, the head of an answer looks as if it had ended.
        if session.timed_out:
            return Attempt(Verdict.RETRY, _TOO_SLOW)
        return _judge(answer)


def _judge(answer: requests.Response) -> Attempt:
    status = answer.status_code
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Attempt(Verdict.DELIVERED, http_status=status)
    if status == HTTPStatus.GONE:
        return Attempt(Verdict.FINAL, "the receiver wants no more of them", status)
    reason = f"the receiver answered {status}"
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        reason += ", and redirects are not followed"
    return Attempt(Verdict.RETRY, reason, status, _retry_after(answer))


def _retry_after(answer: requests.Response) -> int:
    # Its other form, a date, is as rare as clocks that agree.
    text = answer.headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit() and len(text) <= _MAX_RETRY_AFTER_DIGITS:
        return int(text)
    return 0


def _reason(error: Exception, *, timed_out: bool) -> str:
    # Not the errors' own words: requests and urllib3 put the whole URL into some of them.
    chain = list(_causes(error))
    if timed_out or any(isinstance(cause, requests.Timeout | TimeoutError) for cause in chain):
        return _TOO_SLOW
    for cause in chain:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the receiver's certificate is not accepted: {cause.verify_message}"[:200]
        if isinstance(cause, socket.gaierror):
            return "the host's name cannot be resolved"
        if isinstance(cause, ssl.SSLError):
            return "the receiver does not speak TLS as it should"
        if isinstance(cause, ConnectionRefusedError):
            return "the receiver refuses connections"
    return f"the connection failed ({type(chain[-1]).__name__})"


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
