"""Imports a published archive as a dataset folder with features. A failed import leaves nothing."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from teachtext.errors import InputError
from teachtext.files import atomic_folder
from teachtext.originals.archive.annotations import import_captions, import_chosen, import_masks, import_splits
from teachtext.originals.archive.archive_files import ArchiveFiles, find_files, is_relevant
from teachtext.originals.archive.features import import_experts, import_teachers, import_texts
from teachtext.originals.archive.import_state import ImportState
from teachtext.originals.archive.layouts import layout_of
from teachtext.originals.archive.report import ImportReport, TeacherWriter
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
) -> ImportReport:
    """Turn a published archive of the authors into a dataset folder.

    `out` then holds `captions.jsonl`, `splits.json` (and `splits-<family>.json`), `features/video/<expert>`,
    `features/text/<encoder>`, `denoising/<mask>.json`, `teachers/<name>.safetensors`, and `import.json`, the report.
    Missing files are listed in the report; a damaged file stops the import.

    Args:
        path: the .tar.gz, or its unpacked folder (see `find_files`).
        dataset: MSRVTT, MSVD, DiDeMo, LSMDC or activity-net.
        out: a new or empty folder.
        write_teacher: imports a teacher; by default teachers are left out.
        progress: is called with the finished part of each step.

    Raises:
        InputError: no file is recognised, a file is damaged or holds more than data, numbers of captions differ,
            arrays hold NaN, or `out` is in use.
    """
    name, layout = layout_of(dataset)
    if (out / RECORD).is_file():
        raise InputError(f"{out} was imported before", "use it as it is, or delete it to import again")
    with atomic_folder(out) as target, _unpacked(path, name, out, progress) as (archive, sha1):
        published = layout.published.get(sha1, "")
        state = ImportState(name, layout, archive, target, progress)
        if sha1:
            origin = (
                f"that of the published archive '{published}'" if published else "not one of the published checksums"
            )
            state.notes.append(f"the archive's SHA-1 {sha1} is {origin}")
        # captions and lists come first, because the later steps check their numbers of captions
        rows = [
            *import_captions(state),
            *import_splits(state),
            *import_chosen(state),
            *import_masks(state),
            *import_experts(state),
            *import_texts(state),
            *import_teachers(state, write_teacher),
        ]
        imported = ImportReport(
            dataset=name, archive=path.name, sha1=sha1, published=published, rows=rows, notes=state.notes
        )
        imported.write(target / RECORD)
    return imported


@contextmanager
def _unpacked(path: Path, dataset: str, out: Path, progress: Progress) -> Iterator[tuple[ArchiveFiles, str]]:
    if path.is_dir():
        yield find_files(path, dataset), ""
        return
    if not path.is_file():
        raise InputError(f"{path} is not a file or folder", "give the .tar.gz, or its unpacked folder")
    with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=f".{out.name}.") as temporary:
        folder = Path(temporary)
        try:
            sha1 = unpack(path, folder, lambda member: is_relevant(member, dataset), progress)
            yield find_files(folder, dataset), sha1
        except InputError as error:
            # the temporary folder is deleted: the message names the archive instead
            raise InputError(error.problem.replace(temporary, str(path)), error.mend) from error
