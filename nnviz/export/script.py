"""The training as a plain PyTorch script: what a person would write by hand, to read, keep and change."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator

from nnviz.data.datasets import DATASETS, Dataset
from nnviz.spec.augmentations import AUGMENTATIONS
from nnviz.spec.call import Call
from nnviz.spec.initialisation import INITIALISATIONS
from nnviz.spec.layers.base import Shape
from nnviz.spec.losses import LOSSES
from nnviz.spec.network import LayerPlan, NetworkSpec, smallest_batch
from nnviz.spec.optimizers import OPTIMIZERS
from nnviz.spec.schedules import SCHEDULES
from nnviz.spec.train_config import TrainConfig
from nnviz.train.evaluation import CHUNK
from nnviz.train.loader import DROPOUT, SEED_FACTOR

MAX_WIDTH = 100
"""Characters of a line before it is broken."""

_AUTO_DEVICE = '"cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"'


def training_script(network: NetworkSpec, config: TrainConfig) -> str:
    """A script of torch and torchvision alone that trains exactly this network in this way.

    It gives the run's own curve: its initial weights are those of `build_model`, the order of the images and what
    dropout drops those of the trainer. Augmentation alone draws by PyTorch's one global generator, so that with it the
    curve is another of the same kind, which a comment says. (torchvision shifts by whole pixels, nnviz also by parts.)

    Raises LayerError if the network does not fit the data set.
    """
    dataset = DATASETS[config.data]
    plans = network.plan(dataset.input_shape, len(dataset.classes))
    parts = [
        _head(dataset, config),
        _settings(config),
        _data(dataset, config, plans),
        _network(plans),
        _model(network, config, plans),
        _training(config),
        _loop(config, plans),
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(dataset: Dataset, config: TrainConfig) -> Iterator[str]:
    yield f'"""Train a neural network on {dataset.title} with PyTorch. Written by nnviz.'
    yield ""
    yield "Needs: pip install torch torchvision"
    yield '"""'
    yield ""
    if OPTIMIZERS[config.optimizer].own:  # its class comes with annotations
        yield "from __future__ import annotations"
        yield ""
    yield "import os"
    yield ""
    yield "import torch"
    yield "from torch import nn"
    yield "from torch.utils.data import DataLoader"
    yield ""
    yield "try:"
    yield "    from torchvision import datasets, transforms"
    yield "except RuntimeError:  # built for another torch; the operators that it misses are not needed here"
    yield '    missing = torch.library.Library("torchvision", "FRAGMENT")'
    yield '    for name in ("nms", "qnms"):'
    yield '        missing.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")'
    yield "    from torchvision import datasets, transforms"
    yield ""


def _settings(config: TrainConfig) -> Iterator[str]:
    yield f"epochs = {config.epochs}"
    yield f"batch_size = {config.batch_size}"
    yield f"seed = {config.seed}  # of all that is drawn: the same numbers at every start"
    yield "device = " + (_AUTO_DEVICE if config.device == "auto" else f'"{config.device}"')
    yield ""


def _data(dataset: Dataset, config: TrainConfig, plans: tuple[LayerPlan, ...]) -> Iterator[str]:
    made = dataset.make is not None
    if made:
        yield ""
        yield f"class {dataset.folder}(datasets.MNIST):"
        yield from textwrap.wrap(
            f'"""{dataset.origin}.', MAX_WIDTH, initial_indent="    ", subsequent_indent="    ", break_on_hyphens=False
        )
        yield ""
        yield "    Not one of torchvision's, but in files like its MNIST's, in the folder of this class's name."
        yield f"    nnviz makes them: python -m nnviz data {dataset.name}"
        yield '    """'
        yield ""
        yield ""
    yield "# Pixels from 0…255 to 0…1 (ToTensor), then (x - mean) / deviation (Normalize)."
    steps = f"transforms.ToTensor(), transforms.Normalize({dataset.mean}, {dataset.std})"
    yield f"to_input = transforms.Compose([{steps}])"
    augmentation = AUGMENTATIONS[config.augment]
    if augmentation.helpers:
        yield ""
        yield from augmentation.helpers.splitlines()
        yield ""
        yield ""
    if augmentation.transforms:
        yield "# Each training image is changed a little, anew in every epoch. nnviz draws other changes, so"
        yield "# the curve is not the run's, only one of the same kind."
        yield "augment = transforms.Compose("
        yield "    ["
        for transform in augmentation.transforms:
            yield from textwrap.wrap(transform + ",", MAX_WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 12)
        yield "    ]"
        yield ")"
    yield ""
    source = dataset.folder if made else f"datasets.{dataset.folder}"
    download = "" if made else ", download=True"
    transform = "transforms.Compose([augment, to_input])" if augmentation.transforms else "to_input"
    yield 'root = os.environ.get("NNVIZ_DATA", "data")  # the folder of the images'
    yield from _wrapped(f"train_data = {source}(root, train=True, transform={transform}{download})")
    yield f"test_data = {source}(root, train=False, transform=to_input{download})"
    if config.per_class:
        yield ""
        yield f"# Only the first {config.per_class} of each class."
        yield f"classes = range({len(dataset.classes)})"
        yield f"chosen = [(train_data.targets == c).nonzero().flatten()[:{config.per_class}] for c in classes]"
        yield "train_data = torch.utils.data.Subset(train_data, torch.cat(chosen).sort().values.tolist())"
    yield ""
    yield ""
    yield "def random_numbers(*path):"
    yield '    """The seed of what is drawn for one purpose: (epoch,) or (step, purpose)."""'
    yield "    number = seed"
    yield "    for part in path:"
    yield f"        number = (number * {SEED_FACTOR} + part + 1) % (2**63 - 1)"
    yield "    return number"
    yield ""
    yield ""
    yield "class Shuffled(torch.utils.data.Sampler):"
    yield '    """The training images in an order of its own in every epoch, the same as in nnviz."""'
    yield ""
    yield "    epoch = 0"
    yield ""
    yield "    def __len__(self):"
    yield "        return len(train_data)"
    yield ""
    yield "    def __iter__(self):"
    yield "        source = torch.Generator().manual_seed(random_numbers(self.epoch))"
    yield "        self.epoch += 1"
    yield "        return iter(torch.randperm(len(train_data), generator=source).tolist())"
    yield ""
    yield ""
    if smallest_batch(plans) > 1:
        yield "# Batch normalisation compares images: a last batch of a single one is left out."
        yield "lone = len(train_data) % batch_size == 1"
        yield "train_loader = DataLoader(train_data, batch_size=batch_size, sampler=Shuffled(), drop_last=lone)"
    else:
        yield "train_loader = DataLoader(train_data, batch_size=batch_size, sampler=Shuffled())"
    yield f"test_loader = DataLoader(test_data, batch_size={CHUNK})"
    yield ""
    yield ""


def _network(plans: tuple[LayerPlan, ...]) -> Iterator[str]:
    yield "class Net(nn.Module):"
    yield "    def __init__(self):"
    yield "        super().__init__()"
    yield "        self.layers = nn.Sequential("
    lines = [(call.code() + ",", comment) for plan in plans for call, comment in _commented(plan)]
    width = max(len(code) for code, _ in lines)
    for code, comment in lines:
        yield f"            {code:<{width}}  # {comment}".rstrip(" #")
    yield "        )"
    yield ""
    yield "    def forward(self, images):"
    yield "        return self.layers(images)  # one number (logit) per class"
    yield ""
    yield ""


def _commented(plan: LayerPlan) -> Iterator[tuple[Call, str]]:
    """Each call of a layer with what it makes of a shape; no comment where the shape stays."""
    shape = plan.in_shape
    for call in plan.calls:
        out = (math.prod(shape),) if call.name == "Flatten" else plan.out_shape
        yield call, "" if out == shape else f"{_size(shape)} → {_size(out)}"
        shape = out


def _size(shape: Shape) -> str:
    return "×".join(str(length) for length in shape)


def _model(network: NetworkSpec, config: TrainConfig, plans: tuple[LayerPlan, ...]) -> Iterator[str]:
    yield "torch.manual_seed(seed)  # the same initial weights at every start"
    yield "model = Net()"
    if code := INITIALISATIONS[network.init].code:
        kinds = dict.fromkeys(f"nn.{kind.__name__}" for plan in plans for kind in plan.layer.weighted)
        names = ", ".join(kinds)
        yield "for module in model.modules():"
        yield f"    if isinstance(module, {names if len(kinds) == 1 else f'({names})'}):"
        yield f"        {code(network)}"
        yield "        nn.init.zeros_(module.bias)"
    yield "model.to(device)"
    yield ""


def _training(config: TrainConfig) -> Iterator[str]:
    loss = LOSSES[config.loss].code
    apart = [""] if loss[0].startswith("def ") else []
    yield from (*apart, *loss, *apart, *apart)
    optimizer = OPTIMIZERS[config.optimizer]
    if optimizer.own:
        yield from ("", *optimizer.class_code(), "", "")
    yield f"optimizer = {optimizer.code(config)}"
    if schedule := SCHEDULES[config.schedule].code(config.lr, config.epochs):
        yield from _wrapped(f"scheduler = {schedule}")
    yield ""


def _loop(config: TrainConfig, plans: tuple[LayerPlan, ...]) -> Iterator[str]:
    schedule = SCHEDULES[config.schedule]
    scheduled = schedule.code(config.lr, config.epochs) is not None
    drops = any(call.name == "Dropout" for plan in plans for call in plan.calls)
    if drops:
        yield "step = 0"
    yield "for epoch in range(1, epochs + 1):"
    yield "    model.train()"
    yield "    loss_sum, count = 0.0, 0"
    yield "    for images, labels in train_loader:"
    yield "        images, labels = images.to(device), labels.to(device)"
    if drops:
        yield "        # What dropout drops is drawn as in nnviz; another device than the CPU draws other numbers."
        yield f"        torch.manual_seed(random_numbers(step, {DROPOUT}))"
        yield "        step += 1"
    yield "        loss = criterion(model(images), labels)"
    yield "        optimizer.zero_grad()"
    yield "        loss.backward()   # the gradient ∂L/∂W of every weight W"
    yield "        optimizer.step()  # W_new = W_old − α · ∂L/∂W, or what the optimizer makes of it"
    if scheduled and not schedule.per_epoch:
        yield "        scheduler.step()  # the learning rate α of the next batch"
    yield "        loss_sum += loss.item() * len(labels)"
    yield "        count += len(labels)"
    if scheduled and schedule.per_epoch:
        yield "    scheduler.step()  # the learning rate α of the next epoch"
    yield ""
    yield "    model.eval()"
    yield "    right = 0"
    yield "    with torch.no_grad():"
    yield "        for images, labels in test_loader:"
    yield "            answers = model(images.to(device)).argmax(1)"
    yield "            right += (answers == labels.to(device)).sum().item()"
    yield "    accuracy = 100 * right / len(test_data)"
    yield '    print(f"epoch {epoch}: loss {loss_sum / count:.4f}, test accuracy {accuracy:.2f} %")'


def _wrapped(line: str) -> Iterator[str]:
    """One call as it is, or broken after its opening bracket, and at spaces, if it is too long."""
    head, _, arguments = line.partition("(")
    if len(line) <= MAX_WIDTH:
        yield line
        return
    yield f"{head}("
    yield from textwrap.wrap(arguments[:-1], MAX_WIDTH, initial_indent="    ", subsequent_indent="    ")
    yield ")"
