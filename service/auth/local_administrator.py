"""The authenticator of a gateway without accounts."""

from jobs.account import FIRST_PROJECT
from service.auth.authenticator import BackgroundTask, Caller, HttpCaller
from service.auth.permission import Permission
from service.auth.principal import Principal, other_project


class LocalAdministrator:
    """Every caller is the local administrator, with every permission.

    A gateway without accounts listens on loopback or behind a proxy that signs people in; see
    `service.listen_addresses`.
    """

    _administrator = Principal("local administrator", FIRST_PROJECT, frozenset(Permission))

    def authenticate(self, caller: Caller) -> Principal:
        """The local administrator; a background task gets all permissions in its own project.

        Raises Forbidden for a request that names another project than the only one.
        """
        if isinstance(caller, BackgroundTask):
            return Principal(caller.name, caller.project, frozenset(Permission))
        if isinstance(caller, HttpCaller) and caller.project not in ("", FIRST_PROJECT):
            raise other_project()
        return self._administrator
