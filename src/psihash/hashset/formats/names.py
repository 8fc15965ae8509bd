"""What a column or property is called, in the usual spellings and languages.

A name is compared without case, accents, blanks and punctuation: ``SHA-1``, ``Hash (SHA1)`` and
``sha1_hash`` are one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from psihash.terms import AlgorithmId

MAX_NAME: Final = 128
"""Characters of a name that is worth understanding."""

_FILLER_WORDS: Final = (
    "hashvalue hashwert hash checksum digest message prufsumme pruefsumme wert value hex file "
    "datei fichier media image empreinte sommedecontrole huella resumen suma somma valor valore "
    "controlesom b32 base32 b64 base64 sum of de der"
)
# Longest first and never given back, so that a hostile name costs no more than its length.
_FILLER: Final = f"(?:{'|'.join(sorted(_FILLER_WORDS.split(), key=len, reverse=True))})*+"
_ALGORITHM: Final = re.compile(
    _FILLER + "(md5|sha2?(?:224|256|384|512)|sha1|v[34]hash)" + _FILLER + "(?:v[0-9])?"
)
_ANY_HASH_WORDS: Final = (
    "hash hashvalue hashwert checksum digest prufsumme pruefsumme empreinte huella hashes "
    "filehash dateihash hashcode valeurdehachage hachage sha sha2"
)
_ANY_HASH: Final = frozenset(_ANY_HASH_WORDS.split())
_OTHER: Final = {
    "photodna": "photodna",
    "pdna": "photodna",
    "pdq": "pdq",
    "vpdq": "vpdq",
    "tmk": "tmk",
    "tmkpdqf": "tmk",
    "zz40": "zz40",
    "lace": "lace",
    "crc32": "crc32",
    "crc": "crc32",
    "md4": "md4",
    "md2": "md2",
    "tiger": "tiger",
    "tth": "tth",
    "ed2k": "ed2k",
    "whirlpool": "whirlpool",
    "ripemd160": "ripemd160",
    "rmd160": "ripemd160",
    "ssdeep": "ssdeep",
    "tlsh": "tlsh",
    "phash": "phash",
    "dhash": "dhash",
    "ahash": "ahash",
    "videntifier": "videntifier",
    "sha3224": "sha3-224",
    "sha3256": "sha3-256",
    "sha3384": "sha3-384",
    "sha3512": "sha3-512",
    "sha512224": "sha512-224",
    "sha512256": "sha512-256",
    "blake2b": "blake2b",
    "blake2s": "blake2s",
    "blake3": "blake3",
}

# A role is what the readers make of a column; the words are what lists call it.
_ROLES: Final = {
    "algorithm": "algorithm algorithmus algorithme algoritmo hashtype hashtyp typedehash "
    "hashalgorithm hashalgorithmus hashname digesttype digestalgorithm",
    "category": "category kategorie categorie categoria kategori kategoria kategoriaa cat "
    "classification klassifikation klassifizierung classificatie clasificacion classificazione "
    "classificacao categoryid categorynumber categorycode kategorija baselinecategory",
    "category_label": "categorylabel categoryname categorytext kategoriename",
    "dialect": "dialect categorydialect dialekt categoryscheme",
    "baseline": "baseline",
    "series": "series serie seriesname seriename serienname serien nomdeserie nomdelaserie "
    "seriesnaam serienaam reeks nombredeserie nombredelaserie nomeserie nomedaserie nomedellaserie "
    "serija seriesnames serienavn serienamn victimseries",
    "victim_identified": "victimidentified victimisidentified isvictimidentified "
    "opferidentifiziert opferidentifikation geschadigteidentifiziert victimeidentifiee "
    "victimaidentificada vitimaidentificada vittimaidentificata slachtoffergeidentificeerd "
    "offeridentificeret offeridentifisert offeridentifierat ofiarazidentyfikowana",
    "offender_identified": "offenderidentified suspectidentified isoffenderidentified "
    "taeteridentifiziert tateridentifiziert auteuridentifie agresoridentificado "
    "autoridentificado agressoridentificado autoreidentificato dadergeidentificeerd "
    "gerningsmandidentificeret",
    "distributed": "distributed isdistributed verbreitet distribue diffuse distribuido "
    "distribuito verspreid distribueret distribuert distribuerad",
    "dated": "dateupdated updated lastupdated updatedat dateofupdate lastmodtimestamp "
    "categorizeddate datecategorized aktualisiert miseajour",
    "submissions": "numberofsubmissions submissions submissioncount anzahlmeldungen",
    "country": "country countrycode likelycountry land pays pais paese",
    "source": "source agency sourceagency organisation organization behorde behoerde "
    "dienststelle quelle organisme agencia agenzia precategorizationsource submittedby",
    "media_type": "mediatype mimetype mime contenttype medientyp typemime tipomime",
    "file_type": "filetype dateityp typedefichier tipodearchivo bestandstype",
    "size": "size filesize mediasize sizebytes sizeinbytes bytes dateigrosse dateigroesse "
    "grosse groesse taille tailledufichier tamano tamanho dimensione grootte bestandsgrootte "
    "storrelse storlek filesizebytes filelength",
}
_ROLE_OF: Final = {word: role for role, words in _ROLES.items() for word in words.split()}


def plain(name: str) -> str:
    """``name`` in lower case, letters and digits only, without accents."""
    return _plain(name) if len(name) <= MAX_NAME else ""


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    split = unicodedata.normalize("NFKD", name.casefold())
    return "".join(char for char in split if char.isalnum())


def algorithm_of(name: str) -> AlgorithmId | None:
    """The algorithm that a name states, or None."""
    return _algorithm_of(plain(name))


@lru_cache(maxsize=4096)
def _algorithm_of(bare: str) -> AlgorithmId | None:
    match = _ALGORITHM.fullmatch(bare)
    if not match:
        return None
    word = match[1]
    if word.endswith("hash"):  # ILook's V3Hash and V4Hash are MD5
        return AlgorithmId.MD5
    if len(word) == len("sha2256"):
        word = "sha" + word[-3:]
    return AlgorithmId(word)


def is_any_hash(name: str) -> bool:
    """Whether a name says "hash" without saying which."""
    return plain(name) in _ANY_HASH


def other_kind(name: str) -> str | None:
    """The usual name of a hash that is kept and not matched, or None."""
    bare = plain(name)
    return _OTHER.get(bare) or _OTHER.get(bare.removesuffix("hash").removeprefix("hash"))


def role_of(name: str) -> str | None:
    """What a column other than a hash is for, or None."""
    return _ROLE_OF.get(plain(name))


def plain_set(names: Iterable[str]) -> frozenset[str]:
    return frozenset(map(plain, names))
