"""Known answers of ``ecdh-ristretto255/1``; docs/engines.md has the same.

Made with this code over libsodium and checked with psihash-native. Context ``session``, id
``00 01 ... 1f``, run 0, binding ``64 65 ... 83``.
"""

from __future__ import annotations

from tests.psi.test_encoding import ELEMENT_VECTOR

SCALAR = "".join(f"{n:02x}" for n in range(1, 32)) + "00"
"""Little-endian."""

ELEMENT = ELEMENT_VECTOR
PUBLIC = "cece76aabc4bb51f95d38fd5d7ab0349d6ddd42a6fae74056e06cc8002b07b5a"
MAPPED = "66063033000aa3efe15d8462dc48ab313c037560930e3e7ed8cb0b12b52ed52c"
MASKED = "c242915618afd12f22bd35c51a6e614683d0cd974df1fd6357f1efd0b644f90c"
BINDING_OF_TAGS = "1038675f30c2fdc314a5cddff93caa66cf5fac772f2e569382987443ec914986"
TAG = "8c309f964337efdf582afdf2c016011c"
PROOF_CONTEXT = "92343246886a17e1e70ec7a1d2cd6be806f9ec6968f1d080af598d2a194f3527"
PROOF_DIGEST = (
    "6da6731dba9d1e71fe126bafa874b6729fe4e4e07fccbfdf47a3dd8dad88e29d"
    "45c0e6debbd8f743100e91f4a431d27eb4b65f4b1807363e733da9d7388f286a"
)
PROOF = (
    "3d40d78f6cb37f0a5ad67dfca9ff7c13e4442ddf690198312a8423d566f20404"
    "d90d843e3982b016e24f4658599c992d73395786915b6b0661e907492b29be06"
)
FIRST_RUNNING_HASH = "5f51218a80fe29bf5b2f7464efb1fb1e6b88b2348b64400202f3bad2670cf6c6"
