"""Models in plain torch, of families for which the libraries have none: recurrent, sequences, recommendation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Example = tuple[nn.Module, tuple[Tensor, ...]]


class Recurrent(nn.Module):
    """A recurrent network with a classifier on its last step."""

    def __init__(self, network: nn.RNNBase, width: int) -> None:
        super().__init__()
        self.network, self.head = network, nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """[N, steps, inputs] -> [N, 10]."""
        states, _ = self.network(x)
        result: Tensor = self.head(states[:, -1])
        return result


def lstm() -> Example:
    """Two layers, torch's own operator."""
    return Recurrent(nn.LSTM(32, 64, num_layers=2, batch_first=True), 64), (torch.randn(2, 12, 32),)


def bidirectional_lstm() -> Example:
    """Both directions."""
    network = nn.LSTM(32, 48, batch_first=True, bidirectional=True)
    return Recurrent(network, 96), (torch.randn(2, 12, 32),)


def gru() -> Example:
    """Two layers, both directions."""
    network = nn.GRU(32, 48, num_layers=2, batch_first=True, bidirectional=True)
    return Recurrent(network, 96), (torch.randn(2, 12, 32),)


class LstmTranslator(nn.Module):
    """Encoder, decoder and attention between them (after Luong et al., arXiv:1508.04025)."""

    def __init__(self, words: int = 500, width: int = 64) -> None:
        super().__init__()
        self.source, self.target = nn.Embedding(words, width), nn.Embedding(words, width)
        self.encoder = nn.LSTM(width, width, batch_first=True)
        self.decoder = nn.LSTM(width, width, batch_first=True)
        self.mix, self.head = nn.Linear(2 * width, width), nn.Linear(width, words)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """int64 [N, S], [N, T] -> [N, T, words]."""
        memory, state = self.encoder(self.source(source))
        states, _ = self.decoder(self.target(target), state)
        weights = (states @ memory.transpose(1, 2)).softmax(-1)
        mixed = torch.tanh(self.mix(torch.cat([states, weights @ memory], -1)))
        result: Tensor = self.head(mixed)
        return result


def lstm_translator() -> Example:
    """Ten words to eight."""
    return LstmTranslator(), (torch.randint(0, 500, (2, 10)), torch.randint(0, 500, (2, 8)))


class DeepSpeech(nn.Module):
    """Convolutions over a spectrogram, a GRU over time, letters (after Amodei et al., arXiv:1512.02595)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, (11, 5), stride=(2, 2), padding=(5, 2)), nn.BatchNorm2d(16), nn.Hardtanh(0, 20),
            nn.Conv2d(16, 16, (5, 5), stride=(2, 1), padding=(2, 2)), nn.BatchNorm2d(16), nn.Hardtanh(0, 20),
        )  # fmt: skip
        self.recurrent = nn.GRU(16 * 20, 64, batch_first=True, bidirectional=True)
        self.head = nn.Linear(128, 29)

    def forward(self, spectrogram: Tensor) -> Tensor:
        """[N, 1, 80, steps] -> [N, steps / 2, 29]."""
        x = self.features(spectrogram).flatten(1, 2).transpose(1, 2)
        x, _ = self.recurrent(x)
        result: Tensor = self.head(x).log_softmax(-1)
        return result


def deep_speech() -> Example:
    """Forty steps."""
    return DeepSpeech(), (torch.randn(1, 1, 80, 40),)


class Translator(nn.Module):
    """torch's own transformer, encoder and decoder, with a causal mask."""

    def __init__(self, words: int = 500, width: int = 64) -> None:
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.transformer = nn.Transformer(width, 4, 2, 2, 128, batch_first=True)
        self.head = nn.Linear(width, words)

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """int64 [N, S], [N, T] -> [N, T, words]."""
        mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
        states = self.transformer(self.words(source), self.words(target), tgt_mask=mask, tgt_is_causal=True)
        result: Tensor = self.head(states)
        return result


def torch_transformer() -> Example:
    """Sixteen words to twelve."""
    return Translator(), (torch.randint(0, 500, (2, 16)), torch.randint(0, 500, (2, 12)))


class WaveNet(nn.Module):
    """Gated dilated causal convolutions (van den Oord et al., arXiv:1609.03499)."""

    def __init__(self, width: int = 32, layers: int = 6) -> None:
        super().__init__()
        self.first = nn.Conv1d(1, width, 1)
        self.gates = nn.ModuleList(nn.Conv1d(width, 2 * width, 2, dilation=2**k) for k in range(layers))
        self.skips = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(layers))
        self.head = nn.Sequential(nn.ReLU(), nn.Conv1d(width, width, 1), nn.ReLU(), nn.Conv1d(width, 256, 1))

    def forward(self, wave: Tensor) -> Tensor:
        """[N, 1, samples] -> [N, 256, samples]."""
        x = self.first(wave)
        total = torch.zeros_like(x)
        for k, (gate, skip) in enumerate(zip(self.gates, self.skips, strict=True)):
            take, show = gate(F.pad(x, (2**k, 0))).chunk(2, 1)
            step = skip(take.tanh() * show.sigmoid())
            x, total = x + step, total + step
        result: Tensor = self.head(total)
        return result


def wavenet() -> Example:
    """256 samples."""
    return WaveNet(), (torch.randn(1, 1, 256),)


class Dlrm(nn.Module):
    """Embedding bags and a dense network meet in pairwise products (after Naumov et al., arXiv:1906.00091); bags of any length."""

    def __init__(self, tables: int = 4, rows: int = 100, width: int = 16) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.EmbeddingBag(rows, width, mode="sum") for _ in range(tables))
        self.bottom = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, width), nn.ReLU())
        pairs = (tables + 1) * tables // 2
        self.top = nn.Sequential(nn.Linear(width + pairs, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid())

    def forward(self, dense: Tensor, items: Tensor, starts: Tensor) -> Tensor:
        """dense [N, 13], items int64 [tables, M], starts int64 [tables, N] -> [N, 1]."""
        bottom = self.bottom(dense)
        bags = [table(items[k], starts[k]) for k, table in enumerate(self.tables)]
        features = torch.stack([bottom, *bags], 1)
        products = features @ features.transpose(1, 2)
        row, column = torch.tril_indices(features.shape[1], features.shape[1], -1)
        result: Tensor = self.top(torch.cat([bottom, products[:, row, column]], 1))
        return result


def dlrm() -> Example:
    """Eight rows; bags of one to five items, one empty."""
    starts = torch.tensor([0, 2, 3, 3, 8, 10, 12, 15]).expand(4, -1).contiguous()
    return Dlrm(), (torch.randn(8, 13), torch.randint(0, 100, (4, 20)), starts)


class DeepFm(nn.Module):
    """Factorisation machine and a deep network over the same embeddings (Guo et al., arXiv:1703.04247)."""

    def __init__(self, fields: int = 6, rows: int = 300, width: int = 8) -> None:
        super().__init__()
        self.linear, self.factors = nn.Embedding(rows, 1), nn.Embedding(rows, width)
        self.deep = nn.Sequential(nn.Linear(fields * width, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 1))

    def forward(self, items: Tensor) -> Tensor:
        """int64 [N, fields] -> [N]."""
        factors = self.factors(items)
        pairs = 0.5 * (factors.sum(1).square() - factors.square().sum(1)).sum(1)
        deep = self.deep(factors.flatten(1)).squeeze(1)
        return torch.sigmoid(self.linear(items).sum((1, 2)) + pairs + deep)


def deepfm() -> Example:
    """Sixteen rows."""
    return DeepFm(), (torch.randint(0, 300, (16, 6)),)


class SasRec(nn.Module):
    """Next item by causal attention over the last ones (Kang and McAuley, arXiv:1808.09781)."""

    def __init__(self, items: int = 200, width: int = 32, places: int = 20) -> None:
        super().__init__()
        self.items, self.places = nn.Embedding(items, width, padding_idx=0), nn.Embedding(places, width)
        layer = nn.TransformerEncoderLayer(width, 2, 64, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, history: Tensor) -> Tensor:
        """int64 [N, places] -> scores [N, items]; 0 is no item."""
        x = self.items(history) * 32**0.5 + self.places(torch.arange(history.shape[1]))
        x = x * (history != 0).unsqueeze(-1)
        mask = torch.ones(history.shape[1], history.shape[1], dtype=torch.bool).triu(1)
        states = self.encoder(x, mask=mask, is_causal=True)
        result: Tensor = states[:, -1] @ self.items.weight.T
        return result


def sasrec() -> Example:
    """Four histories; one begins with places that hold no item."""
    history = torch.randint(1, 200, (4, 20))
    history[1, :5] = 0
    return SasRec(), (history,)


class TwoTower(nn.Module):
    """The items nearest to a user: two networks, cosine similarity, the best five."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.user = nn.Sequential(nn.Linear(20, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, width))
        self.item = nn.Sequential(nn.Linear(30, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, width))

    def forward(self, users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
        """[N, 20], [M, 30] -> scores and positions [N, 5]."""
        scores = F.normalize(self.user(users)) @ F.normalize(self.item(items)).T
        best = scores.topk(5)
        return best.values, best.indices


def two_tower() -> Example:
    """Four users, forty items."""
    return TwoTower(), (torch.randn(4, 20), torch.randn(40, 30))
