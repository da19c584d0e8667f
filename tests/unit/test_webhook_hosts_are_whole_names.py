"""Which hosts a stack's list lets callbacks go to."""

import pytest

from easel_contract.callback_url import callback_host, is_allowed_callback_host

pytestmark = pytest.mark.unit

HOSTS = ["hooks.example.com", "Other.Example", "2606:4700::1111"]


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/",
        "https://HOOKS.example.COM:8443/a?b",
        "https://other.example",
        "https://[2606:4700::1111]/",
    ],
)
def test_a_host_of_the_list_is_allowed(url: str) -> None:
    assert is_allowed_callback_host(url, HOSTS)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "https://a.hooks.example.com/",
        "https://hooks.example.com.evil.test/",
        "https://evil.test/hooks.example.com",
        "https://evil.test/?hooks.example.com",
        "https://hooks.example.com@evil.test/",
        "https://hooks.example.com./",
    ],
)
def test_no_other_host_is(url: str) -> None:
    assert not is_allowed_callback_host(url, HOSTS)
    assert is_allowed_callback_host(url, [])


def test_a_host_is_told_in_lower_case_without_its_port() -> None:
    assert callback_host("https://Hooks.Example.com:8443/a?b=c") == "hooks.example.com"
