"""URLs of Redis servers."""

from urllib.parse import parse_qs, urlsplit

from agentsys.errors import SettingsError

_OPTIONS = (
    "db",
    "username",
    "password",
    "ssl_ca_certs",
    "ssl_certfile",
    "ssl_keyfile",
    "ssl_cert_reqs",
    "ssl_check_hostname",
)


def described(url: str) -> str:
    """A URL as errors may show it: no user, no password.

    Raises:
        SettingsError: it is not the URL of a Redis server.
    """
    try:
        parts = urlsplit(url)
        options = parse_qs(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        port = parts.port
    except ValueError:
        # Its text may hold the password.
        raise SettingsError("The URL of the Redis server cannot be read.", hint=_FORM) from None
    for name in options:
        if name not in _OPTIONS:
            hint = f"Allowed are {', '.join(map(repr, _OPTIONS))}."
            raise SettingsError(f"Redis has no option {name!r}.", hint=hint)
    db = options.get("db", [parts.path.strip("/")])[0] if parts.scheme != "unix" else ""
    db = db or options.get("db", ["0"])[0] or "0"
    if not db.isdigit():
        raise SettingsError("The database of the Redis server is no number.", hint=_FORM)
    if parts.scheme == "unix":
        if not parts.path:
            raise SettingsError("The URL of the Redis server has no path.", hint=_FORM)
        return f"Redis at unix://{parts.path}?db={db}"
    return f"Redis at {parts.hostname or 'localhost'}:{port or 6379}/{db}"


_FORM = "It is 'redis://USER:PASSWORD@HOST:6379/0', 'rediss://…' for TLS, or 'unix:///PATH?db=0'."
