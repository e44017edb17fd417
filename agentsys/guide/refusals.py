"""Why a schema, or a part of one, cannot be compiled."""


class Refused(ValueError):
    """Nothing can be given to Outlines without changing what the schema means."""


class Impossible(Refused):
    """No value fits here: what may be left out, is."""


class TooDeep(Impossible):
    """A recursive type has come to its limit."""


class TooLarge(Refused):
    """It takes more than a limit allows that can be raised."""
