"""Readers of the caption files that the field uses.

A dataset folder may hold any of them; `teachtext data import` writes a dataset folder from one file or a folder.

**To add a format**: a module here with a `Format` (see `teachtext.data.readers.format`), and one line in
`teachtext.data.readers.registry.FORMATS`. Nothing else: the contract test of `tests/data/readers/test_contract.py`
runs over the registry, the command line takes the name for `--format`, and the documentation lists the title.

A format knows *one file*. Everything that concerns several files is done for all formats by
`teachtext.data.readers.folder_source`:

- files of one format whose names hold the word of a split (`train.json`, `val_1.json`, `test.csv`) are read together,
  each file as the split of its name;
- lists of video ids beside the captions (`train_list.txt`, `splits/test.csv`, 1k-A) become splits;
- ids are matched with the video files: with or without ending, in NFC or NFD.

Rules for `read`:

- Give captions to a `CaptionList`: the list numbers them, checks their types, and raises one error for all bad rows.
- The id of a video is what the file writes (`clip.mp4` stays `clip.mp4`): ids are matched later.
- Captions in several languages are all read, each with its `language`; the English ones are chosen later.
- Empty captions are kept; they are counted and left out later.
- Times of segments, scores and other fields that are not read are named in a `Remark` without a mend. Captions, rows
  or videos that are left out or mended are counted and named in a `Remark` with a mend.
- Splits that the file itself names go into `splits` under `MAIN`, by `SplitLists`.
- A file can be large: `source.lines()` and `source.objects()` stream; `source.document` is bounded.
"""
