"""Settings: sign-in on the review page."""

from jobs.settings.secret import Secret
from jobs.settings.section import Names, Seconds, Section


class SignInSettings(Section):
    """Sign-in"""

    public_url: str = ""
    """Address under which people open the review page, such as `https://scans.example.org`, for the
    links that `tessera users invite` prints. Empty: the gateway's own address."""
    session_idle_s: Seconds = 1800.0
    """After how many seconds without use somebody who signed in on the page must sign in again.
    What the page requests by itself is not use."""
    session_lifetime_s: Seconds = 43_200.0
    """After how many seconds somebody who signed in must sign in again in any case."""
    setup_link_s: Seconds = 259_200.0
    """How long a link that lets a user choose a password is valid, in seconds."""
    trusted_proxies: Names = ()
    """Addresses or networks of proxies in front of the gateway, such as `10.0.0.7, 10.1.0.0/16`,
    comma-separated. The gateway believes their headers X-Forwarded-For and X-Forwarded-Proto: where
    a request comes from, and whether it came by HTTPS. Empty: it believes nobody."""
    proxy_user_header: str = ""
    """Header in which such a proxy states the login name of the user whom it has signed in, such as
    `X-Forwarded-User`. From any other address, requests with this header are refused. Empty: no
    header states it, and the header has no meaning."""
    proxy_secret: Secret = ""
    """Secret that the proxy sends in the header `Tessera-Proxy-Secret` beside that one, so that no
    other process on its host can name a user. Empty: the address of the proxy is enough."""
