"""find_source: pip's settings are understood, and an archive is found by its hash in indexes and folders."""

from tools.bazel.private import find_source

_GOOD, _OTHER = "a" * 64, "b" * 64

_HELP = """
  -i, --index-url <url>       Base URL of the Python Package Index (default
                              https://index.invalid/simple). This should point to
  --extra-index-url <url>     Extra URLs of package indexes to use
"""


def test_the_default_index_comes_from_the_help():
    assert find_source.settings("", _HELP) == (["https://index.invalid/simple"], [])


def test_settings_of_files_and_environment():
    listing = """global.index-url='https://file.invalid/simple'
global.extra-index-url='https://one.invalid\\nhttps://two.invalid'
global.timeout='60'
:env:.index-url='https://env.invalid/simple'
:env:.find-links='/wheels /more'"""
    indexes, folders = find_source.settings(listing, _HELP)
    assert indexes == [
        "https://env.invalid/simple",
        "https://file.invalid/simple",
        "https://one.invalid",
        "https://two.invalid",
    ]
    assert folders == ["/wheels", "/more"]


def test_the_hash_decides():
    target = "../files/py_nacl-1.6.2.tar.gz"
    assert find_source.matches(f"{target}#sha256={_GOOD}", "Py.NaCl", "1.6.2", _GOOD)
    assert find_source.matches(target, "py-nacl", "1.6.2", _GOOD)
    assert not find_source.matches(f"{target}#sha256={_OTHER}", "py-nacl", "1.6.2", _GOOD)
    assert not find_source.matches(target, "py-nacl", "1.6.3", _GOOD)
    assert not find_source.matches("py_nacl-1.6.2-cp311-cp311-linux_x86_64.whl", "py-nacl", "1.6.2", _GOOD)


def test_an_index_and_a_folder(tmp_path):
    page = tmp_path / "simple" / "some-thing" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text(
        f'<a href="../../f/some_thing-1.0.tar.gz#sha256={_OTHER}">x</a>'
        f'<a href="../../f/Some%5Fthing-2.0.tar.gz#sha256={_GOOD}">y</a>'
    )
    folder = tmp_path / "wheels"
    folder.mkdir()
    (folder / "some-thing-2.0.zip").touch()
    index = (tmp_path / "simple").as_uri()

    found, said = find_source.find("some.thing", "2.0", _GOOD, [index], [str(folder)])
    assert found == [
        (folder / "some-thing-2.0.zip").as_uri(),
        (tmp_path / "f" / "Some%5Fthing-2.0.tar.gz").as_uri().replace("%25", "%"),
    ]
    assert said == []

    found, said = find_source.find(
        "some.thing",
        "3.0",
        _GOOD,
        [index, "file://user:secret@host/none"],
        [str(folder), str(tmp_path / "no")],
    )
    assert found == []
    assert len(said) == 4
    assert "secret" not in "".join(said)
