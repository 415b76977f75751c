"""What must hold of a transfer: weights come over bit for bit or not at all, and what is frozen does not move.

The published file cannot be had here. Files of the same layout, with random numbers, take its place and its hash.
"""

import dataclasses
import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import Tensor, nn

from einthoven.models import Shape, build
from einthoven.models.resnet18 import ResNet18
from einthoven.objectives.classify import Classify
from einthoven.training import Data, Device, Recipe, Transfer, fetch_imagenet, fit, load_weights, save_checkpoint
from einthoven.training import _published as published
from einthoven.training._checkpoint import load_state, save_state
from einthoven.training._transfer import parameter_groups, stages

CPU = Device("cpu", "32-true")
WIDTH = 4


def resnet(seed: int = 0, *, channels: int = 3, classes: int = 5, width: int = WIDTH) -> ResNet18:
    torch.manual_seed(seed)
    return ResNet18(
        Shape(channels, 400, 100.0, classes), width=width, image=lambda x, rate_hz: x.unflatten(-1, (-1, 20))
    )


def stirred(**options: Any) -> ResNet18:
    """Another network with every number off its start."""
    made = resnet(9, **options)
    with torch.no_grad():
        for tensor in made.state_dict().values():
            tensor += torch.rand_like(tensor) if tensor.is_floating_point() else 7
    return made


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    """The keys under which both hold the same."""
    assert one.keys() == other.keys()
    return [key for key in one if torch.equal(one[key], other[key])]


Publish = Callable[..., Path]


@pytest.fixture
def publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """Writes a file as PyTorch does, puts it where PyTorch keeps such files, and gives it the published hash."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))

    def write(what: Any, *, save: Callable[..., None] = torch.save) -> Path:
        path = published.IMAGENET.path
        path.parent.mkdir(parents=True, exist_ok=True)
        save(what, path)
        digest, size = hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size
        monkeypatch.setattr(published, "IMAGENET", dataclasses.replace(published.IMAGENET, sha256=digest, size=size))
        return path

    return write


def as_published(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The layout of the published file, as far as it is known: parameters as such, and without counters."""
    out = {}
    for key, tensor in state.items():
        if not key.endswith("num_batches_tracked"):
            out[key] = tensor if "running" in key else nn.Parameter(tensor)
    return out


# The published file


def test_the_published_file_is_named_after_its_hash() -> None:
    """As torchvision names them, so that a slip in the long one would show."""
    assert published.IMAGENET.path.name == f"resnet18-{published.IMAGENET.sha256[:8]}.pth"
    assert len(published.IMAGENET.sha256) == 64 and published.IMAGENET.url.startswith("https://")


def test_the_published_file_is_looked_for_where_pytorch_keeps_it(publish: Publish, tmp_path: Path) -> None:
    assert published.IMAGENET.path.parent == tmp_path / "torch" / "hub" / "checkpoints"


@pytest.mark.parametrize("named", ["imagenet", "path"])
def test_the_published_layout_loads_bit_for_bit(named: str, publish: Publish) -> None:
    """Once at full size; there are 102 tensors at any."""
    width = 64 if named == "imagenet" else WIDTH
    source = stirred(classes=1000, width=width).state_dict()
    file = as_published(source)
    assert len(file) == 102
    path = publish(file)
    model = resnet(classes=5, width=width)
    head = {key: tensor.clone() for key, tensor in model.state_dict().items() if key.startswith("fc.")}
    loaded = load_weights(model, Transfer("imagenet" if named == "imagenet" else str(path)))
    state = model.state_dict()
    for key, tensor in file.items():
        assert torch.equal(state[key], head[key] if key.startswith("fc.") else tensor), key
    assert loaded.origin == str(path) and loaded.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert loaded.notes == ("the head is untrained",)
    assert loaded.contract["data"][0]["name"] == "imagenet" and loaded.contract["data"][0]["licence"]


def test_the_head_is_kept_where_that_is_wanted(publish: Publish) -> None:
    source = stirred(classes=7)
    publish(source.state_dict())  # with counters, and with the notes that a module's state dict has
    model = resnet(classes=7)
    assert load_weights(model, Transfer("imagenet", head="keep")).notes == ()
    assert same(model.state_dict(), source.state_dict()) == list(source.state_dict())
    x = torch.randn(2, 3, 400)
    assert torch.equal(model.eval()(x), source.eval()(x))


def test_a_file_that_is_not_there_is_named_with_the_remedy(publish: Publish) -> None:
    with pytest.raises(ValueError, match=r"resnet18-f37072fd\.pth is not there; fetch it with .*fetch_imagenet\(\)"):
        load_weights(resnet(), Transfer("imagenet"))


def test_another_hash_is_refused_before_the_file_is_opened(publish: Publish, monkeypatch: pytest.MonkeyPatch) -> None:
    path = publish(stirred().state_dict())
    path.write_bytes(path.read_bytes() + b"\0")
    monkeypatch.setattr(zipfile, "ZipFile", lambda *given: pytest.fail("it was opened"))
    with pytest.raises(ValueError, match=r"pth was not opened: its SHA-256 begins with \w{8}, .*may hold a program"):
        load_weights(resnet(), Transfer("imagenet"))
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"is cut off after 1000 of \d+ bytes; move it away and call fetch_imagenet"):
        load_weights(resnet(), Transfer(str(path)))


class Code:
    """What runs a command when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


@pytest.mark.parametrize("wrap", [lambda code: code, lambda code: {"conv1.weight": code}, lambda code: [code]])
def test_code_in_a_pickle_is_not_run_even_with_the_right_hash(wrap: Callable, publish: Publish, tmp_path: Path) -> None:
    path = publish(wrap(Code(f"touch {tmp_path}/ran")))
    with pytest.raises(ValueError, match=r"is no table of tensors \((it would call \w+\.system|a table .* needs no)"):
        load_weights(resnet(), Transfer("imagenet"))
    assert not (tmp_path / "ran").exists()
    torch.load(path, weights_only=False)  # as it would have
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ({"a": torch.zeros(2).half()}, "entry 0 is of the kind torch.HalfStorage"),
        ({"a": torch.zeros(2).to_sparse()}, "it would call torch.serialization._get_layout"),
        ({"a": 1.5}, "a table of tensors needs no BINFLOAT"),
        ({"a": "text"}, "it holds something else"),
        (torch.zeros(3), "it holds something else"),
        ({"a": torch.ones(1).expand(4)}, r"a tensor of the shape \(4,\) reaches beyond its 1 numbers"),
    ],
)
def test_other_things_than_tables_of_numbers_are_refused(what: Any, why: str, publish: Publish) -> None:
    publish(what)
    with pytest.raises(ValueError, match=rf"is no table of tensors \({why}.*give weights as safetensors"):
        load_weights(resnet(), Transfer("imagenet"))


def test_a_file_without_an_archive_is_refused(publish: Publish) -> None:
    path = publish({"a": torch.zeros(2)}, save=lambda what, path: path.write_bytes(b"no archive"))
    with pytest.raises(ValueError, match="is no table of tensors"):
        published.read_published(path)
    old = publish({"a": torch.zeros(2)}, save=lambda *given: torch.save(*given, _use_new_zipfile_serialization=False))
    with pytest.raises(ValueError, match="is no table of tensors"):
        published.read_published(old)


def odd_table() -> dict[str, Tensor]:
    """Tensors that share numbers, begin among them, skip some, are turned, empty, single, or of whole numbers."""
    base = torch.arange(24.0)
    return {
        "whole": base.view(2, 3, 4),
        "part": base[5:11],
        "turned": base.view(4, 6).T,
        "skipping": base[::5],
        "one": base[3],
        "none": torch.zeros(0, 3),
        "count": torch.tensor(12345678901),
        "parameter": nn.Parameter(torch.randn(3)),
    }


def test_what_is_read_is_what_pytorch_reads(publish: Publish) -> None:
    path = publish(odd_table())
    found, want = published.read_published(path), torch.load(path, weights_only=True)
    assert list(found) == list(want)
    for key, tensor in want.items():
        assert found[key].dtype == tensor.dtype and found[key].shape == tensor.shape
        assert torch.equal(found[key], tensor.detach()) and found[key].is_contiguous(), key


def _archive() -> tuple[bytes, Callable[[str], bytes]]:
    file = io.BytesIO()
    torch.save(odd_table(), file)
    archive = zipfile.ZipFile(file)
    return archive.read("archive/data.pkl"), lambda key: archive.read(f"archive/data/{key}")


PICKLED, ENTRY = _archive()


@given(st.lists(st.tuples(st.integers(0, len(PICKLED) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_damaged_table_is_an_error_or_a_table(changes: list[tuple[int, int]]) -> None:
    damaged = bytearray(PICKLED)
    for place, value in changes:
        damaged[place] = value
    try:
        table = published._Table(ENTRY).read(bytes(damaged))
    except published._DAMAGE:
        return
    assert all(isinstance(tensor, Tensor) for tensor in table.values())


# What does not fit


def renamed(state: dict[str, Tensor]) -> None:
    state["layer1.0.conv_1.weight"] = state.pop("layer1.0.conv1.weight")


def without(state: dict[str, Tensor]) -> None:
    del state["layer2.1.bn2.running_var"]


def misshaped(state: dict[str, Tensor]) -> None:
    state["layer3.0.downsample.0.weight"] = state["layer3.0.downsample.0.weight"][:, :5]


def more(state: dict[str, Tensor]) -> None:
    state["layer4.2.conv1.weight"] = torch.zeros(1)


def no_number(state: dict[str, Tensor]) -> None:
    state["layer4.1.bn1.bias"][3] = torch.nan


def wrapped(state: dict[str, Tensor]) -> None:
    for key in list(state):
        state[f"module.{key}"] = state.pop(key)


FAULTS = [
    (renamed, r"layer1\.0\.conv1\.weight is missing, unless it is what is called layer1\.0\.conv_1\.weight there;"),
    (without, r"layer2\.1\.bn2\.running_var is missing;"),
    (misshaped, r"layer3\.0\.downsample\.0\.weight is 16 × 5 × 1 × 1 there and 16 × 8 × 1 × 1 in the network;"),
    (more, r"the network has no layer4\.2\.conv1\.weight;"),
    (no_number, r"layer4\.1\.bn1\.bias holds what is no number;"),
    (wrapped, r"conv1\.weight is missing, unless .* module\.conv1\.weight there \(and \d+ more such faults\);"),
]


@pytest.mark.parametrize("kind", ["pth", "safetensors"])
@pytest.mark.parametrize(("fault", "words"), FAULTS, ids=lambda value: getattr(value, "__name__", ""))
def test_what_does_not_fit_is_named_and_nothing_is_loaded(
    fault: Callable, words: str, kind: str, publish: Publish, tmp_path: Path
) -> None:
    state = dict(stirred().state_dict())
    fault(state)
    if kind == "pth":
        path = publish(state)
    else:
        path = tmp_path / "weights.safetensors"
        save_file({key: tensor.contiguous() for key, tensor in state.items()}, path)
    model = resnet()
    before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
    with pytest.raises(ValueError, match=rf"{path.name} does not fit the network: {words}.* name weights of the same"):
        load_weights(model, Transfer(str(path)))
    assert same(model.state_dict(), before) == list(before)


def test_a_kept_head_has_to_fit_and_a_reset_one_has_not(publish: Publish) -> None:
    publish(stirred(classes=7).state_dict())
    load_weights(resnet(classes=5), Transfer("imagenet"))
    with pytest.raises(ValueError, match=r"fc\.weight is 7 × 32 there and 5 × 32 in the network"):
        load_weights(resnet(classes=5), Transfer("imagenet", head="keep"))


@pytest.mark.parametrize("keep", [0, 10, 2000])
def test_a_cut_safetensors_file_is_refused(keep: int, tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_file(stirred().state_dict(), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ValueError, match=r"weights\.safetensors is damaged .*; fetch or train it again"):
        load_weights(resnet(), Transfer(str(path)))


@pytest.mark.parametrize("channels", [1, 2, 5, 12])
def test_an_image_repeated_on_all_channels_is_seen_as_the_source_saw_it(channels: int, publish: Publish) -> None:
    source = stirred(channels=3).eval()
    publish(source.state_dict())
    model = resnet(channels=channels).eval()
    loaded = load_weights(model, Transfer("imagenet"))
    x = torch.randn(2, 1, 400)
    want = source.features(x.expand(-1, 3, -1))
    torch.testing.assert_close(model.features(x.expand(-1, channels, -1)), want, rtol=1e-4, atol=1e-4)
    assert loaded.notes[0].startswith(f"conv1.weight takes {channels} channels instead of 3: each the mean")


# Checkpoints and runs


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of which one cell is finished."""
    (tmp_path / "run" / "cells").mkdir(parents=True)
    text = '{"primary": "resnet18", "seeds": [3, 4], "folds": [10, 9]}'
    (tmp_path / "run" / "experiment.json").write_text(text)
    contract = {"model": "resnet18", "patients_seen": ["ab"], "leads": ["II"]}
    save_checkpoint(
        tmp_path / "run" / "cells" / "resnet18-seed3-fold10" / "checkpoint", stirred().state_dict(), contract
    )
    return tmp_path / "run"


@pytest.mark.parametrize("place", ["", "cells/resnet18-seed3-fold10/checkpoint"])
def test_a_run_and_its_checkpoint_give_weights_and_contract(place: str, run: Path) -> None:
    model = resnet()
    loaded = load_weights(model, Transfer(str(run / place), head="keep"))
    want = stirred().state_dict()
    assert same(model.state_dict(), want) == list(want)
    assert loaded.contract["patients_seen"] == ["ab"]
    assert loaded.origin.endswith("model.safetensors")


def test_folders_without_weights_are_refused(run: Path, tmp_path: Path) -> None:
    for name in ("nowhere", "run/cells"):
        with pytest.raises(ValueError, match=rf"{name} holds no weights; name a file, or the folder of a checkpoint"):
            load_weights(resnet(), Transfer(str(tmp_path / name)))
    (run / "experiment.json").write_text('{"primary": "resnet18", "seeds": [4], "folds": [10]}')
    with pytest.raises(ValueError, match=r"run has no checkpoint of resnet18-seed4-fold10 yet; finish that run"):
        load_weights(resnet(), Transfer(str(run)))
    (run / "experiment.json").write_text('{"primary"')
    with pytest.raises(ValueError, match=r"experiment\.json is damaged .*name a checkpoint of that run"):
        load_weights(resnet(), Transfer(str(run)))


def test_a_transfer_without_weights_leaves_the_network_alone() -> None:
    model, other = resnet(), resnet()
    assert load_weights(model, Transfer()) is None
    assert same(model.state_dict(), other.state_dict()) == list(other.state_dict())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"freeze": -1}, "freeze is a number of stages, from 0, or 'trunk', not -1"),
        ({"layer_decay": 0.0}, "layer_decay lies above 0 and up to 1"),
        ({"layer_decay": 1.1}, "layer_decay lies above 0 and up to 1"),
        ({"head": "keep"}, "there is no head to keep without weights"),
    ],
)
def test_a_transfer_that_cannot_be_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Transfer(**given)


# Depth


@pytest.mark.parametrize(
    ("name", "count", "first", "second"),
    [
        ("resnet18", 10, {"conv1.weight", "bn1.weight", "bn1.bias"}, "layer1.0."),
        ("code_resnet", 6, {"stem.weight", "norm.weight", "norm.bias"}, "blocks.0."),
        ("xresnet1d101", 3 + 33 + 1, {"body.0.weight", "body.1.weight", "body.1.bias"}, "body."),
    ],
)
def test_the_stages_of_a_network_go_from_its_input_to_its_head(
    name: str, count: int, first: set[str], second: str
) -> None:
    model = build(name, Shape(12, 500, 100.0, 3))
    found = stages(model)
    assert len(found) == count and set(found[0]) == first
    assert all(key.startswith(second) for key in found[1])
    head = {id(parameter) for parameter in model.head.parameters()}
    assert {id(model.get_parameter(key)) for key in found[-1]} == head
    assert sorted(key for stage in found for key in stage) == sorted(key for key, _ in model.named_parameters())


def test_a_network_without_a_head_has_no_stages() -> None:
    with pytest.raises(ValueError, match="a Linear has no head"):
        stages(nn.Linear(2, 2))


def test_what_is_frozen_gets_no_rate_and_the_rest_decays_towards_the_input() -> None:
    model = resnet()
    names = stages(model)
    groups = parameter_groups(model, Transfer(freeze=4, layer_decay=0.5))
    scale = {id(parameter): group["scale"] for group in groups for parameter in group["params"]}
    for depth, stage in enumerate(names):
        for key in stage:
            parameter = model.get_parameter(key)
            assert parameter.requires_grad == (depth >= 4)
            assert scale.get(id(parameter)) == (0.5 ** (9 - depth) if depth >= 4 else None)
    with pytest.raises(ValueError, match="10 stages shall be frozen, but the head is stage 10; say 'trunk' for all"):
        parameter_groups(model, Transfer(freeze=10))


def test_a_second_transfer_thaws_what_the_first_froze() -> None:
    model = resnet()
    parameter_groups(model, Transfer(freeze="trunk"))
    assert [key for key, p in model.named_parameters() if p.requires_grad] == ["fc.weight", "fc.bias"]
    parameter_groups(model, Transfer())
    assert all(parameter.requires_grad for parameter in model.parameters())


# Training


class Tiny(nn.Module):
    """Two convolutions with statistics and dropout, and a head."""

    def __init__(self) -> None:
        super().__init__()
        parts = [[nn.Conv1d(c, 8, 5), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2)] for c in (2, 8)]
        self.blocks = nn.ModuleList(nn.ModuleDict(dict(zip("abcd", part, strict=True))) for part in parts)
        self.head = nn.Linear(8, 2)

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            for part in block.values():
                x = part(x)
        return self.head(x.mean(dim=-1))


def tiny(seed: int = 0) -> Tiny:
    torch.manual_seed(seed)
    return Tiny()


def task() -> Data:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2, 40)).astype(np.float32)
    y = np.column_stack([x[:, 0].mean(axis=1) > 0, x[:, 1].std(axis=1) > 1]).astype(np.float32)
    return Data(fetch=lambda rows: x[rows], y=y, rate_hz=100.0)


RECIPE = Recipe(epochs=3, batch_size=16, rate=1e-2, optimizer="adamw", weight_decay=1e-2, schedule="one_cycle")


def trained(folder: Path, transfer: Transfer | None, recipe: Recipe = RECIPE, **options: Any) -> tuple[Tiny, list]:
    model, rows = tiny(), np.arange(60)
    given = {"seed": 0, "folder": folder, "device": CPU, "transfer": transfer, **options}
    history = fit(model, Classify(), task(), rows[:40], rows[40:], recipe, **given)
    return model, [{key: value for key, value in epoch.items() if key != "seconds"} for epoch in history]


def test_a_transfer_that_asks_for_nothing_changes_no_number(tmp_path: Path) -> None:
    one, two = trained(tmp_path / "1", None), trained(tmp_path / "2", Transfer())
    assert one[1] == two[1]
    assert len(same(one[0].state_dict(), two[0].state_dict())) == len(one[0].state_dict())


@pytest.mark.parametrize(("freeze", "moving"), [(0, 3), (1, 2), ("trunk", 1)])
def test_what_is_frozen_does_not_move_and_the_rest_does(freeze: Any, moving: int, tmp_path: Path) -> None:
    """Weights, statistics and counters."""
    model, _ = trained(tmp_path, Transfer(freeze=freeze))
    kept = same(model.state_dict(), tiny().state_dict())
    moves = ("blocks.0.", "blocks.1.", "head.")[3 - moving :]
    assert sorted(kept) == sorted(key for key in model.state_dict() if not key.startswith(moves))


def test_a_linear_probe_sees_the_features_of_testing(tmp_path: Path) -> None:
    """Dropout in what is frozen rests, so the answers of one epoch at a rate of zero are those of testing."""
    seen: list[Tensor] = []

    def objective(model: nn.Module, batch: dict[str, Tensor]) -> dict[str, Tensor]:
        out = Classify()(model, batch)
        seen.append(torch.equal(out["logits"], tiny().eval()(batch["x"])))
        return out

    objective.loss = Classify().loss
    rows, recipe = np.arange(60), Recipe(1, 20, 0.0)
    for freeze, want in (("trunk", True), (0, False)):
        seen.clear()
        given = {"seed": 0, "folder": tmp_path / str(freeze), "device": CPU, "transfer": Transfer(freeze=freeze)}
        fit(tiny(), objective, task(), rows[:40], rows[40:], recipe, **given)
        assert seen == [want, want]


def test_a_first_step_is_as_long_as_the_stage_is_deep(tmp_path: Path) -> None:
    """Adam's first step moves every weight by its learning rate, whatever the gradient (Kingma and Ba 2015)."""
    recipe = Recipe(epochs=1, batch_size=40, rate=1e-2)
    model, _ = trained(tmp_path, Transfer(layer_decay=0.1), recipe)
    begun = dict(tiny().named_parameters())
    for key, parameter in model.named_parameters():
        depth = 2 if key.startswith("head") else int(key.split(".")[1])
        if parameter.ndim > 1:
            step = (parameter - begun[key]).abs().median().item()
            assert step == pytest.approx(1e-2 * 0.1 ** (2 - depth), rel=0.01), key


TRANSFER = Transfer(freeze=1, layer_decay=0.5)


def test_a_stopped_transfer_ends_with_the_numbers_of_the_unbroken_one(tmp_path: Path) -> None:
    def stop(epoch: dict[str, Any]) -> None:
        if epoch["epoch"] == 1:
            raise KeyboardInterrupt

    whole = trained(tmp_path / "whole", TRANSFER)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "broken", TRANSFER, on_epoch=stop)
    again = trained(tmp_path / "broken", TRANSFER)
    assert again[1] == whole[1]
    assert len(same(again[0].state_dict(), whole[0].state_dict())) == len(whole[0].state_dict())


@pytest.mark.parametrize("other", [None, Transfer(), dataclasses.replace(TRANSFER, layer_decay=0.6)])
def test_the_state_of_another_transfer_is_refused(other: Transfer | None, tmp_path: Path) -> None:
    trained(tmp_path, TRANSFER)
    with pytest.raises(ValueError, match="was left by a training with other settings"):
        trained(tmp_path, other)


def test_a_state_from_before_there_were_transfers_is_gone_on_from(tmp_path: Path) -> None:
    whole = trained(tmp_path, None)
    path = tmp_path / "state.safetensors"
    tensors, facts = load_state(path)
    del facts["transfer"]
    save_state(path, tensors, facts)
    assert trained(tmp_path, None)[1] == whole[1]
    with pytest.raises(ValueError, match="was left by a training with other settings"):
        trained(tmp_path, Transfer())


# Fetching


@dataclasses.dataclass
class Server:
    """What a server on this machine answers, and how often it was asked."""

    url: str
    contents: bytes = b""
    status: int = 200
    promised: int | None = None
    asked: int = 0


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802
            server.asked += 1
            self.send_response(server.status)
            self.send_header("Content-Length", str(server.promised or len(server.contents)))
            self.end_headers()
            self.wfile.write(server.contents)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        server = Server(f"http://127.0.0.1:{listening.server_port}/resnet18-f37072fd.pth")
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        listening.shutdown()
        thread.join()


def test_a_fetched_file_is_loaded_and_not_asked_for_again(publish: Publish, server: Server) -> None:
    path = publish(stirred().state_dict())
    server.contents = path.read_bytes()
    path.unlink()
    for _ in range(2):
        assert fetch_imagenet(url=server.url) == path and server.asked == 1
    assert load_weights(resnet(), Transfer("imagenet")).origin == str(path)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_another_file_than_promised_is_not_kept(publish: Publish, server: Server, tmp_path: Path) -> None:
    right = publish(stirred().state_dict()).read_bytes()
    target = tmp_path / "new" / "weights.pth"
    for contents in (right[:-1] + b"\xff", right[:100], right + right):
        server.contents = contents
        with pytest.raises(ValueError, match=r"gave another file than promised \(\d+ bytes, not \d+ .* was deleted"):
            fetch_imagenet(target, url=server.url)
    server.contents = right * 20
    with pytest.raises(ValueError) as refusal:
        fetch_imagenet(target, url=server.url)
    assert int(str(refusal.value).partition("(")[2].split()[0]) < len(right) + 2**17  # it hung up
    server.contents, server.promised = right[:100], len(right)
    with pytest.raises(ValueError, match=r"cannot be had \(\w+\); try again, or copy it to .*weights\.pth"):
        fetch_imagenet(target, url=server.url)
    server.contents, server.promised, server.status = b"", None, 404
    with pytest.raises(ValueError, match=r"cannot be had \(HTTPError\)"):
        fetch_imagenet(target, url=server.url)
    assert not list(target.parent.iterdir())


def test_nobody_there_is_a_sentence(publish: Publish, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be had \(ConnectionError\)"):
        fetch_imagenet(tmp_path / "weights.pth", url="http://127.0.0.1:9/weights.pth")


def test_another_file_in_its_place_is_not_overwritten(publish: Publish, server: Server) -> None:
    path = publish(stirred().state_dict())
    path.write_bytes(b"mine")
    with pytest.raises(ValueError, match=r"was not opened: .* cut off after 4 of \d+ bytes; move it away"):
        fetch_imagenet(url=server.url)
    assert path.read_bytes() == b"mine" and server.asked == 0
