"""The published test vectors of what the log is built from: RFC 6962, RFC 8032, C2SP signed-note and tlog-cosignature."""

import base64

import pytest

from adaptd.log.format import keys, note
from adaptd.log.format.tree import EMPTY_ROOT, CompactRange, leaf_hash, node_hash
from tests.log.attacks import second_verifier

# The eight leaves and their roots that the reference implementation of RFC 6962 is tested with.
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

# RFC 8032 section 7.1, tests 1 to 3: secret key, public key, message, signature.
ED25519 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
]

# The example of C2SP signed-note, with the key its reference implementation publishes.
NEUMANN_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

# The example of C2SP tlog-cosignature; its public keys are not published, so its form and key ID placement are what is checked.
WITNESSED_NOTE = (
    "example.com/behind-the-sofa\n"
    "20852163\n"
    "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    "\n"
    "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBI"
    "fZ+qnA==\n"
)


@pytest.mark.parametrize("size", range(9))
def test_tree_roots_are_those_of_rfc_6962(size: int) -> None:
    """Both verifiers give the published root for every number of the published leaves."""
    expected = bytes.fromhex(ROOTS[size - 1]) if size else EMPTY_ROOT
    tree = CompactRange()
    other = second_verifier().Leaves(0, [])
    for leaf in LEAVES[:size]:
        tree.append(leaf)
        other.add(leaf)
    assert tree.root() == expected
    assert other.root(size) == expected


def test_the_definition_of_the_tree_hash_holds_at_every_size() -> None:
    """The compact range agrees with the recursive definition of RFC 6962 section 2.1 from 0 to 130 leaves."""

    def definition(leaves: list[bytes]) -> bytes:
        if len(leaves) < 2:
            return leaf_hash(leaves[0]) if leaves else EMPTY_ROOT
        cut = 1 << (len(leaves) - 1).bit_length() - 1
        return node_hash(definition(leaves[:cut]), definition(leaves[cut:]))

    tree = CompactRange()
    for size in range(131):
        assert tree.root() == definition([bytes([at]) for at in range(size)])
        assert CompactRange(size, tree.peaks).root() == tree.root()
        tree.append(bytes([size]))


@pytest.mark.parametrize(("secret", "public", "message", "signature"), ED25519, ids=["test 1", "test 2", "test 3"])
def test_signatures_are_those_of_rfc_8032(secret: str, public: str, message: str, signature: str) -> None:
    """The published keys give the published signatures, and a changed message does not pass."""
    signer = keys.Signer("example.com/log", bytes.fromhex(secret))
    assert signer.public.hex() == public
    assert signer.sign_bytes(bytes.fromhex(message)).hex() == signature
    assert keys.signature_holds(bytes.fromhex(public), bytes.fromhex(signature), bytes.fromhex(message))
    assert not keys.signature_holds(bytes.fromhex(public), bytes.fromhex(signature), bytes.fromhex(message) + b"x")


def test_the_example_note_of_c2sp_verifies() -> None:
    """The published note passes under the published key with both verifiers, and not with one word changed."""
    key = note.parse_verifier_key(NEUMANN_KEY)
    assert keys.note_holds(note.parse_note(NEUMANN_NOTE), key)
    assert not keys.note_holds(note.parse_note(NEUMANN_NOTE.replace("don't", "do")), key)
    second = second_verifier()
    name, public, _ = second.read_key(NEUMANN_KEY)
    assert second.signed_by(NEUMANN_NOTE, name, public) is not None
    assert second.signed_by(NEUMANN_NOTE.replace("don't", "do"), name, public) is None


def test_the_example_checkpoint_of_c2sp_is_read() -> None:
    """Origin, size, root, names, key IDs and the cosignature's time stamp of the published checkpoint come out as printed."""
    signed = note.parse_note(WITNESSED_NOTE)
    found = note.parse_checkpoint(signed.body)
    assert (found.origin, found.size) == ("example.com/behind-the-sofa", 20852163)
    assert base64.b64encode(found.root) == b"CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    assert [one.name for one in signed.signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    assert [len(one.data) for one in signed.signatures] == [64, 72]
    time_s = int.from_bytes(signed.signatures[1].data[:8], "big")
    assert time_s == 1679315147
    assert (
        note.cosigned_message(signed.body, time_s)
        .decode()
        .startswith("cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n")
    )


def test_a_witness_cosignature_is_checked_with_its_time() -> None:
    """A cosignature made as C2SP prescribes passes; under another time or another witness it does not."""
    log, witness = keys.Signer.generate("example.com/log"), keys.Signer.generate("witness.example.com/w1")
    body = note.checkpoint_body("example.com/log", 5, bytes(32))
    key = note.VerifierKey(witness.name, note.COSIGNATURE, witness.public)

    def cosigned(stamp: int, said: int) -> note.Note:
        data = said.to_bytes(8, "big") + witness.sign_bytes(note.cosigned_message(body, stamp))
        return note.parse_note(log.sign(body) + note.signature_line(note.Signature(witness.name, key.key_id, data)))

    assert keys.cosignature_time(cosigned(1_790_000_000, 1_790_000_000), key) == 1_790_000_000
    assert keys.cosignature_time(cosigned(1_790_000_000, 1_790_000_001), key) is None
    assert keys.cosignature_time(note.parse_note(log.sign(body)), key) is None


@pytest.mark.parametrize(
    "text",
    [
        "", "body\n", "body\n\n", "body\n\n— name\n", "body\n\n- name AAAAAAA=\n", "body\n\n— name AAAA\n", "x" * 20_000,
        "body\n\n— name AAAAAAA\n", "b\tc\n\n— name AAAAAAA=\n", "body\n\n— name AAAAAAA=", "body\n\n" + "— name AAAAAAA=\n" * 33,
    ],
)  # fmt: skip
def test_malformed_notes_are_refused(text: str) -> None:
    """Notes without signatures, with control characters, loose base64 or too many lines are not read, by either verifier."""
    with pytest.raises(note.NoteError):
        note.parse_note(text)
    assert second_verifier().note_parts(text) is None


@pytest.mark.parametrize("name", ["", "a b", "a+b", "ä", "x" * 97, "a\n"])
def test_names_that_would_break_a_signature_line_are_refused(name: str) -> None:
    """A log is not given a name that no signature line can carry."""
    with pytest.raises(note.NoteError):
        keys.Signer.generate(name) if name else note.check_name(name)


@pytest.mark.parametrize(
    "data", [b"", b"x", b"adaptd-key-1 0 a", b"adaptd-key-1 -1 a AAAA", b"adaptd-key-1 0 a AAAA", b"\xff" * 40]
)
def test_a_file_that_is_no_key_is_said_to_be_none(data: bytes) -> None:
    """A wrong private key file is one clear error."""
    with pytest.raises(keys.KeyFileError):
        keys.Signer.from_file(data)
