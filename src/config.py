"""params.yaml, read and changed: sections become their classes, and a fault in it becomes one line."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from src import paths
from src.params import SECTIONS, Params

Section = TypeVar("Section", bound=Params)


def read_sections() -> dict[str, Any]:
    """Read params.yaml of this workspace as plain dictionaries, the way DVC reads it (YAML 1.2)."""
    if not paths.PARAMS.exists():
        raise FileNotFoundError(f"{paths.PARAMS} is missing here, expected a workspace; go to the folder with dvc.yaml")
    sections = parse_yaml(paths.PARAMS.read_text(encoding="utf-8"), str(paths.PARAMS)) or {}
    if not isinstance(sections, dict):
        raise ValueError(f"{paths.PARAMS}: found {sections!r:.40}, expected the sections {', '.join(SECTIONS)}")
    unknown = sorted(str(name) for name in sections if name not in SECTIONS)
    if unknown:
        raise ValueError(f"{paths.PARAMS}: unknown section {unknown[0]!r}, expected {', '.join(SECTIONS)}")
    return sections


def add_options(parser: ArgumentParser, *classes: type[Params]) -> None:
    """Give a command one option per key of these sections, `--learning_rate 0.01`, which replaces the file's value.

    `--learning-rate` says the same.
    """
    for params_class in classes:
        for key in params_class.model_fields:
            spellings = dict.fromkeys((f"--{key}", f"--{key.replace('_', '-')}"))
            parser.add_argument(*spellings, metavar="VALUE", help=f"instead of {_name(params_class)}.{key}")


def read_params(params_class: type[Section], options: Namespace | None = None) -> Section:
    """Read and check one section of params.yaml.

    Args:
        params_class: The section's class, one of `SECTIONS`.
        options: Parsed options of `add_options`; those given replace the file's values.

    Raises:
        ValueError: A key is missing, unknown or out of its bounds; the message names the key and the value.
    """
    section = _name(params_class)
    values = read_sections().get(section)
    if not isinstance(values, dict):
        raise ValueError(f"{paths.PARAMS}: section {section!r} is missing, expected keys {_keys(params_class)}")
    given = {key: value for key, value in vars(options or Namespace()).items() if value is not None}
    values = values | {
        key: parse_yaml(value, f"--{key} {value}") for key, value in given.items() if key in params_class.model_fields
    }
    try:
        return params_class.model_validate(values)
    except ValidationError as error:
        raise ValueError(f"{paths.PARAMS}: {_first_fault(section, error)}") from None


def read_optional(params_class: type[Section]) -> Section | None:
    """Read a section that may be null: then None.

    Raises:
        FileNotFoundError: There is no params.yaml.
        ValueError: The section is missing, or something in it is not as it should be.
    """
    section = _name(params_class)
    sections = read_sections()
    if section not in sections:
        raise ValueError(
            f"{paths.PARAMS}: section {section!r} is missing, expected keys {_keys(params_class)}, or null"
        )
    return None if sections[section] is None else read_params(params_class)


def flat(section: str, params: Params) -> dict[str, Any]:
    """Give `{"train.augmentation.zoom": 0.15, ...}`: every value under its name in params.yaml."""
    return flattened(params.model_dump(mode="json"), section)


def flattened(values: Any, name: str = "") -> dict[str, Any]:
    """Give every value of nested mappings under its whole name, the keys on the way to it joined by dots."""
    if not isinstance(values, dict):
        return {name: values}
    found: dict[str, Any] = {}
    for key, value in values.items():
        found |= flattened(value, f"{name}.{key}" if name else key)
    return found


def replaced(params: Section, values: dict[str, Any]) -> Section:
    """Give a section with other values.

    Args:
        params: The section.
        values: Full name -> value, `{"train.augmentation.zoom": 0.1}`; those of other sections are left aside.

    Raises:
        ValueError: There is no such key, or the section refuses the value.
    """
    section = _name(type(params))
    content = {section: params.model_dump()}
    for name, value in values.items():
        if name.split(".")[0] == section:
            _set(content, name, value)
    try:
        return type(params).model_validate(content[section])
    except ValidationError as error:
        raise ValueError(_first_fault(section, error)) from None


def changed(text: str, values: dict[str, Any]) -> str:
    """Give the text of a params.yaml with other values, its comments and order kept.

    Args:
        text: Content of a params.yaml.
        values: Name -> value, nested keys joined by dots: `{"train.augmentation.zoom": 0.1}`.

    Raises:
        ValueError: The file has no such key.
    """
    import io

    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.width = 1000
    null = "tag:yaml.org,2002:null"
    yaml.representer.add_representer(type(None), lambda dumper, _: dumper.represent_scalar(null, "null"))
    document = yaml.load(text)
    for name, value in values.items():
        _set(document, name, value)
    stream = io.StringIO()
    yaml.dump(document, stream)
    return stream.getvalue()


def parse_yaml(text: str, name: str = "value") -> Any:
    """Read YAML 1.2, as DVC does: `1e-2` is a number, which it is not to PyYAML.

    Args:
        text: What to read.
        name: What to call it in the error.

    Raises:
        ValueError: It is not YAML.
    """
    from ruamel.yaml import YAML, YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise ValueError(f"{name} is not YAML: {' '.join(str(error).split())}") from None


def _set(document: Any, name: str, value: Any) -> None:
    *parents, key = name.split(".")
    target = document
    for parent in parents:
        target = (target or {}).get(parent)
    if not isinstance(target, dict) or key not in target:
        raise ValueError(f"{paths.PARAMS} has no key {name!r}, expected one that stands there")
    target[key] = value


def _name(params_class: type[Params]) -> str:
    return next(name for name, known in SECTIONS.items() if known is params_class)


def _keys(params_class: type[Params]) -> str:
    return ", ".join(params_class.model_fields)


def _first_fault(section: str, error: ValidationError) -> str:
    # A mistyped key is both unknown and missing; the former says more.
    fault = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    location = [str(part) for part in fault["loc"]]
    where = ".".join([section, *location])
    if fault["type"] == "extra_forbidden":
        owner = SECTIONS[section]
        for part in location[:-1]:
            if part in owner.model_fields:  # else it is a name in a mapping, as in tune.space
                annotation = owner.model_fields[part].annotation
                kinds = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
                owner = next(kind for kind in kinds if issubclass(kind, Params))
        return f"unknown key {where!r}, expected one of {_keys(owner)}"
    if fault["type"] == "missing":
        return f"key {where!r} is missing"
    return f"{where}: found {fault['input']!r}; {fault['msg'].removeprefix('Value error, ')}"
