import gzip
import hashlib
import io
import tarfile

import pytest

from teachtext.errors import InputError
from teachtext.originals.archive.tar import unpack
from teachtext.progress import silent


def member(name, kind=tarfile.REGTYPE, **settings):
    info = tarfile.TarInfo(name)
    info.type = kind
    for key, value in settings.items():
        setattr(info, key, value)
    return info


def packed(path, *members):
    """Write an archive with a good file first and last; members have as many zeros as they say."""
    with tarfile.open(path, "w:gz", format=tarfile.PAX_FORMAT) as tar:
        for info in (member("data/first", size=2_000_000), *members, member("data/last", size=3)):
            tar.addfile(info, io.BytesIO(bytes(info.size)))
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "given.tar.gz"


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "out"


def test_only_relevant_members_are_unpacked(path, folder):
    packed(path, member("./data/more", size=5), member("data", tarfile.DIRTYPE), member("data/n\u00e4chste", size=1))
    steps = []
    sha1 = unpack(path, folder, lambda name: name != "data/first", lambda *step: steps.append(step))
    assert {item.relative_to(folder).as_posix() for item in folder.rglob("*") if item.is_file()} == {
        "data/more",
        "data/n\u00e4chste",
        "data/last",
    }
    assert (folder / "data/more").read_bytes() == bytes(5)
    assert sha1 == hashlib.sha1(path.read_bytes()).hexdigest()
    assert steps[-1][1] == steps[-1][2]


@pytest.mark.parametrize("name", ["/etc/passwd", "../up", "data/../../up", "data/..", "data\\..\\up"])
def test_a_path_that_leaves_its_folder(path, folder, name):
    packed(path, member(name, size=1))
    with pytest.raises(InputError, match=r"given.tar.gz: member '.+' would leave its folder: do not unpack it"):
        unpack(path, folder, lambda name: False, silent)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, b"V"]
)
def test_links_and_devices(path, folder, kind):
    packed(path, member("data/odd", kind, linkname="data/first"))
    with pytest.raises(InputError, match=r"given.tar.gz: member 'data/odd' is a link, a device or the like"):
        unpack(path, folder, lambda name: True, silent)
    assert not (folder / "data/odd").exists() and not (folder / "data/last").exists()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("relevant", [True, False])
def test_a_truncated_archive(path, folder, share, relevant):
    whole = packed(path).read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(InputError, match=r"given.tar.gz is not a whole .tar.gz \(.*\): copy or download it again"):
        unpack(path, folder, lambda name: relevant, silent)


def test_a_tar_that_was_cut_before_it_was_packed(path, folder):
    path.write_bytes(gzip.compress(gzip.decompress(packed(path).read_bytes())[:1_000_000]))
    with pytest.raises(InputError, match=r"given.tar.gz is not a whole"):
        unpack(path, folder, lambda name: True, silent)


def test_a_flipped_byte_and_other_files(path, folder):
    whole = bytearray(packed(path).read_bytes())
    whole[-6] ^= 1
    for content in (bytes(whole), b"hello", gzip.compress(b"hello" * 1000), b"PK\3\4" + bytes(600)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"given.tar.gz is not a whole"):
            unpack(path, folder, lambda name: False, silent)


def test_a_member_that_lies_about_its_size(path, folder):
    with gzip.open(path, "wb") as file:
        file.write(member("data/first", size=2**33).tobuf() + bytes(5000))
    with pytest.raises(InputError, match=r"given.tar.gz is not a whole"):
        unpack(path, folder, lambda name: True, silent)
