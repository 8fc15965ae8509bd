"""``follow-up/1``: a request for what the peer knows about hits that a person has confirmed.

The members are those that the law asks of a request: purpose, facts, offence, objective reasons to
believe that the data are held there, urgency, connection, restrictions (Directive (EU) 2023/977
Art. 4), justification with case reference and data subjects (Regulation (EU) 2024/982 Art. 33),
manual confirmation of the match (Art. 47).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from psihash.agreement.fields import Fields, bad, distinct
from psihash.agreement.vocabulary import DataSubject
from psihash.casework import words
from psihash.casework.documents import CaseDocument
from psihash.casework.handling import Handling, read_handling
from psihash.casework.texts import check_references, read_lines
from psihash.casework.words import Urgency, Wanted

TYPE: Final = "follow-up/1"
_ID_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Authority:
    """Who asks: the authority behind the agency, and whom to call there."""

    name: str
    country: str
    contact: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack(CaseDocument):
    """A request."""

    TYPE: ClassVar[str] = TYPE

    agreement: str
    session: str
    hits: tuple[tuple[str, ...], ...]
    """For each hit its references; the first one names it."""
    wanted: Wanted
    information: str
    """What exactly is asked for; may be empty."""
    purpose: str
    case: str
    peer_case: str
    facts: tuple[str, ...]
    offence: str
    data_subjects: tuple[DataSubject, ...]
    reasons: tuple[str, ...]
    """Why the data are believed to be held there, beyond the hits themselves."""
    connection: str
    """Between the purpose and the person concerned; may be empty."""
    urgency: Urgency
    urgency_reason: str
    legal_basis: str
    authority: Authority
    confirmed_by: str
    """The role of the person who confirmed the hits; never a name."""
    confirmed: str
    handling: Handling
    deadline: str
    """A date of the asker's own, such as a hearing; may be empty."""

    def members(self) -> dict[str, Any]:
        plain = {name: getattr(self, name) for name in _TEXTS}
        return plain | {
            "hits": [list(hit) for hit in self.hits],
            "wanted": self.wanted.value,
            "facts": list(self.facts),
            "data_subjects": [each.value for each in self.data_subjects],
            "reasons": list(self.reasons),
            "urgency": self.urgency.value,
            "authority": {
                "name": self.authority.name,
                "country": self.authority.country,
                "contact": self.authority.contact,
            },
            "handling": self.handling.to_dict(),
        }


_TEXTS: Final = (
    "agreement", "session", "information", "purpose", "case", "peer_case", "offence",
    "connection", "urgency_reason", "legal_basis", "confirmed_by", "confirmed", "deadline",
)  # fmt: skip


def read(fields: Fields, common: dict[str, Any]) -> Pack:
    """The members of this type. Raises InputError (``bad-document``)."""
    pack = Pack(
        agreement=fields.hexadecimal("agreement", _ID_BYTES).hex(),
        session=fields.hexadecimal("session", _ID_BYTES).hex(),
        hits=_hits(fields),
        wanted=fields.choice("wanted", Wanted),
        information=fields.text("information", empty=True),
        purpose=fields.text("purpose"),
        case=fields.text("case"),
        peer_case=fields.text("peer_case", empty=True),
        facts=read_lines(fields, "facts"),
        offence=fields.text("offence"),
        data_subjects=fields.choices("data_subjects", DataSubject),
        reasons=read_lines(fields, "reasons"),
        connection=fields.text("connection", empty=True),
        urgency=fields.choice("urgency", Urgency),
        urgency_reason=fields.text("urgency_reason", empty=True),
        legal_basis=fields.text("legal_basis"),
        authority=_authority(fields.take("authority")),
        confirmed_by=fields.text("confirmed_by", limit=words.MAX_ROLE),
        confirmed=fields.time("confirmed"),
        handling=read_handling(fields.take("handling"), "the request: handling"),
        deadline=_deadline(fields),
        **common,
    )
    if pack.urgency is Urgency.URGENT and not pack.urgency_reason:
        raise bad("an urgent request gives its reason")
    return pack


def _hits(fields: Fields) -> tuple[tuple[str, ...], ...]:
    hits = []
    for raw in fields.sequence("hits", 1, words.MAX_HITS):
        if not isinstance(raw, list) or not 1 <= len(raw) <= words.MAX_REFERENCES_PER_HIT:
            raise bad("the request: a hit has no list of references")
        hits.append(check_references(raw, "the request: hits"))
    distinct(tuple(each for hit in hits for each in hit), "the request: hits")
    return tuple(hits)


def _authority(value: Any) -> Authority:
    fields = Fields(value, "the request: authority")
    found = Authority(
        name=fields.text("name"),
        country=fields.text("country", empty=True),
        contact=fields.text("contact", empty=True),
    )
    fields.done()
    return found


def _deadline(fields: Fields) -> str:
    text = fields.string("deadline")
    return text and Fields({"deadline": text}, "the request").time("deadline")
