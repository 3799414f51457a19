"""Sign-in with a login name and a password, and how people set and change passwords."""

from dataclasses import dataclass, field
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from imaging.errors import TooManyRequests, Unauthenticated
from jobs.account import Person
from jobs.browser_session import UNKNOWN_PLACE, BrowserSession, SignInMethod, SignInPlace
from jobs.random_secret import new_secret, sha256_of
from jobs.repository import Passwords, SetupLink, SignInAttempts
from service.auth import SignInSessions
from service.auth.password_rules import MAX_LENGTH, check_new_password, normalized


class SignInLocked(TooManyRequests):
    """Too many attempts have failed: the next one must wait."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """Somebody who signed in, and what the browser keeps."""

    person: Person
    session: str = field(repr=False)
    """Secret of the session."""
    browser: str = field(repr=False)
    """Secret by which the browser is known at the next sign-in."""


class PasswordSignIn:
    """Checks and stores passwords. Each method takes about 0.1 s of a core and 64 MiB."""

    def __init__(
        self,
        passwords: Passwords,
        attempts: SignInAttempts,
        sessions: SignInSessions,
        link_s: float,
    ) -> None:
        """`link_s`: how long setup links are valid."""
        self._link_s = link_s
        self._passwords, self._attempts, self._sessions = passwords, attempts, sessions
        self._hasher = PasswordHasher()  # argon2id with the parameters of RFC 9106, 4, second set

    @cached_property
    def _nobodys(self) -> str:
        """A hash that no password has; not made at the start, since it takes as long as a check."""
        return self._hasher.hash(new_secret())

    def sign_in(
        self, login: str, password: str, browser: str = "", place: SignInPlace = UNKNOWN_PLACE
    ) -> SignedIn:
        """Begins a session; `browser`: the secret of a known browser.

        Raises Unauthenticated, which says nothing about what is wrong and takes as long for an
        unknown login name, and SignInLocked after failed attempts.
        """
        counter = self._attempts.counter(login, browser)
        self._begin(counter)
        stored, nobodys = self._passwords.of(login), self._nobodys
        hash_ = nobodys if stored is None else stored.hash
        right = self._verify(hash_, password)
        if stored is None or not right:
            raise Unauthenticated(
                "The login name or the password is wrong.",
                expected="The login name and the password of an account.",
                hint="Try again. If you forgot the password, ask an administrator for a new link.",
            )
        if self._hasher.check_needs_rehash(hash_):
            self._passwords.rehash(stored.person.id, hash_, self._hasher.hash(normalized(password)))
        return self._signed_in(stored.person, counter, place)

    def knows(self, login: str, browser: str) -> bool:
        """Whether the person has signed in before in the browser with this secret."""
        return self._attempts.knows(login, browser)

    def invite(self, login: str, project: str) -> SetupLink:
        """A link for a user of this project alone, by its administrator; see `Passwords.invite`."""
        return self._passwords.invite(login, self._link_s, only_in=project)

    def set_by_link(self, link: str, password: str, place: SignInPlace = UNKNOWN_PLACE) -> SignedIn:
        """Sets the password of somebody with a link, and begins a session.

        Raises NotFound for a link that is not valid, WeakPassword.
        """
        invited = self._passwords.invited(link)
        hash_ = self._new_hash(password, invited)
        person = self._passwords.set_by_link(link, hash_)
        self._sessions.forget()
        return self._signed_in(person, self._attempts.counter(person.login, ""), place)

    def change(self, session: BrowserSession, current: str, password: str) -> str:
        """Changes the password, ends the person's other sessions, and returns the secret by which
        the browser is known.

        Raises Unauthenticated for a wrong current password, SignInLocked, and WeakPassword.
        """
        person = session.person
        counter = sha256_of(f"session {session.id}")  # who is signed in is not locked out by others
        self._begin(counter)
        stored = self._passwords.of(person.login)
        if stored is None or not self._verify(stored.hash, current):
            raise Unauthenticated(
                "The current password is wrong.",
                expected="The password with which you signed in.",
                hint="Try again. If you forgot the password, ask an administrator for a new link.",
            )
        self._passwords.change(person.id, self._new_hash(password, person), session.id)
        self._sessions.forget()
        return self._attempts.succeeded(counter, person.id)

    def _begin(self, counter: str) -> None:
        if wait_s := self._attempts.begin(counter):
            raise SignInLocked(
                "Too many attempts to sign in have failed.",
                expected=f"The next attempt in {wait_s:,} s at the earliest.",
                hint="Wait, then try again, or ask an administrator for a new link.",
                retry_after_s=wait_s,
            )

    def _signed_in(self, person: Person, counter: str, place: SignInPlace) -> SignedIn:
        session = self._sessions.begin(person.id, SignInMethod.PASSWORD, place)
        return SignedIn(person, session, self._attempts.succeeded(counter, person.id))

    def _new_hash(self, password: str, person: Person) -> str:
        check_new_password(normalized(password), person.login, person.name)
        return self._hasher.hash(normalized(password))

    def _verify(self, hash_: str, password: str) -> bool:
        try:
            return self._hasher.verify(hash_, normalized(password[: MAX_LENGTH + 1]))
        except (VerificationError, InvalidHashError):
            return False
