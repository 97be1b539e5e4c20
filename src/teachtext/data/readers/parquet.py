"""Parquet tables, such as the `metadata.parquet` of a video folder, with the columns that delimited text has too."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from teachtext.data.readers.annotations import Annotations, CaptionList, Remark, some
from teachtext.data.readers.columns import Columns, find_columns
from teachtext.data.readers.format import Format
from teachtext.data.readers.source import MOST_BYTES, MOST_MEMORY, SourceFile
from teachtext.data.readers.split_names import SplitLists
from teachtext.errors import InputError
from teachtext.packages import installed, load

_MAGIC = b"PAR1"
_BATCH = 128


def recognises(source: SourceFile) -> bool:
    """Return whether the file is a Parquet table with a column for the video and one for its captions."""
    if not source.head.startswith(_MAGIC):
        return False
    if not installed("pyarrow"):
        return True  # reading says what to install
    try:
        columns = _columns(source, _open(source))
    except InputError:
        return False
    return columns is not None and columns.text is not None


def read(source: SourceFile) -> Annotations:
    """Read captions from a table. A cell of several captions, as a list, is several captions.

    Raises:
        InputError: the table is damaged or too large, or a row lacks its video or its caption.
    """
    table = _open(source)
    columns = _columns(source, table)
    if columns is None or columns.text is None:
        raise InputError(f"{source.path} has no columns of videos and captions", "name them file_name and text")
    captions, splits = CaptionList(source.path), SplitLists()
    for number, row in enumerate(_rows(source, table, columns), start=1):
        video, text = _video(row[columns.video]), row[columns.text]
        texts = text if isinstance(text, list) and text else [text]
        texts = [*texts, *(row[name] for name in columns.further if row[name])]
        for caption in texts:
            captions.add(
                video,
                caption,
                where=f"row {number}",
                caption_id=row[columns.caption_id] if columns.caption_id and len(texts) == 1 else None,
                language=row[columns.language] if columns.language else None,
            )
        splits.add(video, row[columns.split] if columns.split else None)
    unread = f"; not read: {', '.join(columns.unread)}" if columns.unread else ""
    remark = Remark(f"{source.path.name}: columns {columns.video} and {some(columns.texts)}{unread}")
    return Annotations(captions=captions.finish(), splits=splits.finish(), remarks=[remark])


def _open(source: SourceFile) -> Any:
    file = load("pyarrow.parquet:ParquetFile", "text")
    with _damage_named(source):
        return file(source.path)


def _columns(source: SourceFile, table: Any) -> Columns | None:
    with _damage_named(source):
        return find_columns(table.schema_arrow.names)


@contextmanager
def _damage_named(source: SourceFile) -> Iterator[None]:
    try:
        yield
    except MemoryError as error:
        raise InputError(f"{source.path} would fill the memory", "divide it into several datasets") from error
    except (OSError, ValueError, LookupError, NotImplementedError) as error:
        raise InputError(f"{source.path} is not a whole Parquet file ({error})", "copy it again") from error


def _rows(source: SourceFile, table: Any, columns: Columns) -> Iterator[Mapping[str, Any]]:
    names = [columns.video, *columns.texts, columns.caption_id, columns.language, columns.split]
    wanted = [name for name in names if name is not None]
    schema = table.schema_arrow
    with _damage_named(source):
        # a column of videos may hold their bytes too
        paths = [f"{name}.path" if _has_path(schema, name) else name for name in wanted]
    size = 0
    with _damage_named(source):
        _check_memory(source, table, paths)
        for batch in table.iter_batches(batch_size=_BATCH, columns=paths):
            for row in batch.to_pylist():
                # a text that stands once in the file may fill many rows
                size += sum(map(_length, row.values()))
                if size > MOST_BYTES:
                    raise _too_large(source, table)
                yield row


def _has_path(schema: Any, name: str) -> bool:
    kind = schema.field(name).type
    return any(kind.field(number).name == "path" for number in range(kind.num_fields)) if _is_struct(kind) else False


def _is_struct(kind: Any) -> bool:
    return str(kind).startswith("struct<")


def _check_memory(source: SourceFile, table: Any, paths: list[str]) -> None:
    """Raise InputError for a table whose captions would fill the memory, by the sizes that the table states."""
    footer = table.metadata
    size = 0
    for group in range(footer.num_row_groups):
        for number in range(footer.num_columns):
            column = footer.row_group(group).column(number)
            if any(column.path_in_schema == path or column.path_in_schema.startswith(f"{path}.") for path in paths):
                size += column.total_uncompressed_size
    if size * 4 + footer.num_rows * 300 > MOST_MEMORY:
        raise _too_large(source, table)


def _too_large(source: SourceFile, table: Any) -> InputError:
    problem = f"{source.path} has {table.metadata.num_rows:,} rows, and their captions would fill the memory"
    return InputError(problem, "divide it into several datasets")


def _length(value: Any) -> int:
    return sum(map(_length, value)) if isinstance(value, list) else len(value) if isinstance(value, str) else 0


def _video(value: Any) -> Any:
    return value.get("path") if isinstance(value, dict) else value


def _write_example(folder: Path) -> Path:
    import pyarrow
    from pyarrow import parquet

    path = folder / "metadata.parquet"
    columns = {
        "file_name": ["v0.mp4", "v1.mp4", "v2.mp4"],
        "text": [["a dog runs", "a dog, fast"], ["a cat sleeps"], ["rain falls"]],
        "split": ["train", "validation", "test"],
    }
    parquet.write_table(pyarrow.table(columns), path)
    return path


PARQUET = Format(
    name="parquet",
    title="Parquet tables (metadata.parquet)",
    shows="a table with the columns file_name and text",
    recognises=recognises,
    read=read,
    write_example=_write_example,
    is_general=True,
)
