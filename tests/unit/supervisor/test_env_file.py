"""One reading of `.env` for everything that reads it, the same as everybody else's of such a file."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from paybell_sandbox.supervisor import env_file
from paybell_sandbox.supervisor.env_file import UnreadableEnvFileError, parse, read

NAMES = st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True)
PLAIN = st.text("abz019+/=:$#_-.,{}\"' \t", max_size=12)
QUOTED = st.text("abz $#=\n+-", max_size=12)


@st.composite
def lines(draw: st.DrawFn) -> str:
    head = draw(st.sampled_from(["", "export ", "  "])) + draw(NAMES) + draw(st.sampled_from(["=", " = "]))
    bare = PLAIN.filter(lambda text: not text.strip().startswith(("'", '"')))
    value = draw(bare | QUOTED.map(lambda text: f"'{text}'") | QUOTED.map(lambda text: f'"{text}"'))
    comment = draw(st.sampled_from(["", " # why"]))
    return draw(st.sampled_from(["# a comment", "", head + value + comment]))


@given(st.lists(lines(), max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_it_reads_what_python_dotenv_reads(drawn: list[str], newline: str) -> None:
    text = newline.join(drawn)
    assert parse(text) == dotenv_values(stream=io.StringIO(text), interpolate=False)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("K=v", "v"),
        ("export K=v", "v"),
        ("K='a b' # why", "a b"),
        ('K="a\\"b"', 'a"b'),
        ("K=v # why", "v"),
        ("K=v#1", "v#1"),
        ("K= # why", ""),
        ("K=$HOME${X}", "$HOME${X}"),
        ("K='two\nlines'", "two\nlines"),
        ("\ufeffK=v".removeprefix("\ufeff"), "v"),
    ],
)
def test_a_value_is_what_its_line_says(line: str, value: str) -> None:
    assert parse(f"{line}\n") == {"K": value}


@pytest.mark.parametrize("line", ["what is this", "K='open", "K='v' more", "1K=v", "K: v"])
def test_a_line_that_is_none_is_refused_by_its_number_and_without_its_content(line: str) -> None:
    with pytest.raises(UnreadableEnvFileError, match="line 3") as refused:
        parse(f"# one\nA=1\n{line}\n")
    assert line not in str(refused.value)


def test_only_filled_lines_count_and_a_file_that_is_not_there_says_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("\ufeffA=\nB=''\nC=1\n")
    assert read(tmp_path / ".env") == {"C": "1"}
    assert read(tmp_path / "none") == {}


def test_what_make_up_runs_needs_nothing_but_python() -> None:
    root = Path(env_file.__file__).parents[2]
    code = f"import sys; sys.path.insert(0, {str(root)!r}); import paybell_sandbox.stack.__main__"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
