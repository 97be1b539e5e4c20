"""A published archive becomes a dataset folder with features: all of it, or nothing."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from teachtext.errors import InputError
from teachtext.files import atomic_folder
from teachtext.originals.archive.annotations import import_captions, import_chosen, import_masks, import_splits
from teachtext.originals.archive.features import import_experts, import_teachers, import_texts
from teachtext.originals.archive.find import Found, find, is_wanted
from teachtext.originals.archive.job import Job
from teachtext.originals.archive.layouts import layout_of
from teachtext.originals.archive.record import Imported, TeacherWriter
from teachtext.originals.archive.tar import unpack
from teachtext.progress import Progress, silent

RECORD = "import.json"


def import_archive(
    path: Path,
    *,
    dataset: str,
    out: Path,
    write_teacher: TeacherWriter | None = None,
    progress: Progress = silent,
) -> Imported:
    """Turn an archive as the authors published it into a dataset folder.

    `out` then holds `captions.jsonl`, `splits.json` (and `splits-<family>.json`), `features/video/<expert>`,
    `features/text/<encoder>`, `denoising/<mask>.json`, `teachers/<name>.safetensors`, and `import.json`, which says
    what was found. What an archive lacks is left out and told; what is damaged stops the import.

    Args:
        path: the .tar.gz, or a folder that it was unpacked to (see `find`).
        dataset: MSRVTT, MSVD, DiDeMo, LSMDC or activity-net.
        out: a new or empty folder.
        write_teacher: how teachers are imported; without it they are left out.
        progress: told how far it is.

    Raises:
        InputError: nothing is recognised, a file is damaged or holds more than data, captions are counted
            differently, arrays hold NaN, `out` is in use.
    """
    name, layout = layout_of(dataset)
    if (out / RECORD).is_file():
        raise InputError(f"{out} was imported before", "use it as it is, or delete it to import again")
    with atomic_folder(out) as target, _unpacked(path, name, out, progress) as (found, sha1):
        published = layout.published.get(sha1, "")
        job = Job(name, layout, found, target, progress)
        if sha1:
            what = f"that of the published archive '{published}'" if published else "not one of the published checksums"
            job.notes.append(f"the archive's SHA-1 {sha1} is {what}")
        # each step begins when the one before it is done: captions and lists first, what counts them after
        rows = [
            *import_captions(job),
            *import_splits(job),
            *import_chosen(job),
            *import_masks(job),
            *import_experts(job),
            *import_texts(job),
            *import_teachers(job, write_teacher),
        ]
        imported = Imported(dataset=name, archive=path.name, sha1=sha1, published=published, rows=rows, notes=job.notes)
        imported.write(target / RECORD)
    return imported


@contextmanager
def _unpacked(path: Path, dataset: str, out: Path, progress: Progress) -> Iterator[tuple[Found, str]]:
    if path.is_dir():
        yield find(path, dataset), ""
        return
    if not path.is_file():
        raise InputError(f"{path} is no file or folder", "give the .tar.gz, or the folder that it was unpacked to")
    with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=f".{out.name}.") as temporary:
        folder = Path(temporary)
        try:
            sha1 = unpack(path, folder, lambda member: is_wanted(member, dataset), progress)
            yield find(folder, dataset), sha1
        except InputError as error:
            # that folder is gone when this is read: name the archive in its place
            raise InputError(error.problem.replace(temporary, str(path)), error.mend) from error
