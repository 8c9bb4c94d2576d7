"""How a ResNet-RS is wired: spec to graph. The only file that knows.

ResNet-D (He et al. 2018) with squeeze-and-excitation (Hu et al. 2018), as in Bello et al. 2021 and
the code behind its checkpoints (tensorflow/tpu @7dc921f8, models/official/resnet):

* stem: 3x3 convolutions of 32, 32, 64 and 64 filters, the first and the last with stride 2;
* four stages of bottleneck blocks, 1x1 f, 3x3 f, 1x1 4f; the first block of a stage has the stride
  in its 3x3 and a projection shortcut, 2x2 average pool then 1x1 convolution;
* SE after the last batch norm of the residual branch, before stochastic depth and the addition;
* head: global average pool, dropout, classifier.

Strided 3x3 convolutions pad explicitly, one on every side, and then run VALID: that is what the
published weights were trained with, and it differs from SAME on even sizes. A dialect
(``spec.Dialect``) departs from this in the points it names.

Order of the layers: the residual branch, then the shortcut, then the addition. In the addition the
shortcut is the *first input*; in which order Keras is given the two is ``keras_model.build``'s
matter.
"""

from __future__ import annotations

from rsinspect.layers import ops
from rsinspect.layers.graph import Layer, LayerGraph
from rsinspect.layers.ops import TensorShape
from rsinspect.layers.shapes import infer_shape
from rsinspect.networks.spec import EXPANSION, ResNetRSSpec, round_channels
from rsinspect.paper import IMAGENET_DEVIATION, IMAGENET_MEAN

IMAGENET_VARIANCE = tuple(deviation**2 for deviation in IMAGENET_DEVIATION)


def build_graph(spec: ResNetRSSpec) -> LayerGraph:
    """Build the layer graph of a spec.

    >>> graph = build_graph(ResNetRSSpec.variant(50))
    >>> len(graph), str(graph.layer("c5/block2/out").shape)
    (274, '5×5×2048')
    """
    wiring = _Wiring(spec)
    x = wiring.image()
    x = wiring.stem(x)
    for index in range(len(spec.blocks)):
        x = wiring.stage(index, x)
    wiring.head(x)
    return LayerGraph(spec.name, tuple(wiring.layers))


class _Wiring:
    """Layers as they are added; each method takes and returns paths."""

    def __init__(self, spec: ResNetRSSpec) -> None:
        self.spec = spec
        self.layers: list[Layer] = []
        self.shapes: dict[str, TensorShape] = {}

    def add(self, path: str, op: ops.Op, *inputs: str) -> str:
        shapes = self.shapes
        shape = infer_shape(op, tuple([shapes[name] for name in inputs]))
        shapes[path] = shape
        self.layers.append(Layer(path, op, inputs, shape))
        return path

    def conv(self, prefix: str, number: int, x: str, kernel: int, filters: int, stride: int) -> str:
        """Add convolution ``number`` of a stem or branch, padded explicitly where it strides."""
        explicit = stride > 1 and kernel > 1 and self.spec.dialect.padding == "explicit"
        if explicit:
            x = self.add(f"{prefix}/pad{number}", ops.ZeroPad2D((kernel - 1) // 2), x)
        op = ops.Conv2D(
            kernel=kernel,
            stride=stride,
            in_channels=self.shapes[x].channels,
            filters=filters,
            padding="valid" if explicit else "same",
        )
        return self.add(f"{prefix}/conv{number}", op, x)

    def norm(self, path: str, x: str) -> str:
        spec = self.spec
        op = ops.BatchNorm(
            channels=self.shapes[x].channels, momentum=spec.bn_momentum, epsilon=spec.bn_epsilon
        )
        return self.add(path, op, x)

    def activate(self, path: str, x: str) -> str:
        return self.add(path, ops.Activation(self.spec.activation), x)

    def image(self) -> str:
        spec = self.spec
        x = self.add("input/image", ops.Input(TensorShape(*spec.resolution, spec.channels)))
        if spec.preprocessing:
            x = self.add("input/rescaling", ops.Rescaling(1 / 255), x)
            if spec.channels == len(IMAGENET_MEAN):
                op = ops.Normalization(IMAGENET_MEAN, IMAGENET_VARIANCE)
                x = self.add("input/normalization", op, x)
        return x

    def stem(self, x: str) -> str:
        dialect = self.spec.dialect
        plan = zip(dialect.stem_filters, dialect.stem_strides, strict=True)
        for number, (filters, stride) in enumerate(plan, start=1):
            width = round_channels(filters, self.spec.width)
            x = self.conv("stem", number, x, dialect.stem_kernel, width, stride)
            x = self.norm(f"stem/bn{number}", x)
            x = self.activate(f"stem/act{number}", x)
        if not dialect.stem_pool:
            return x
        if dialect.padding == "same":
            return self.add("stem/pool", ops.MaxPool2D(3, 2), x)
        # Zeros are safe after a ReLU, whose outputs are never less; after swish some are.
        x = self.add("stem/pool_pad", ops.ZeroPad2D(1), x)
        return self.add("stem/pool", ops.MaxPool2D(3, 2, "valid"), x)

    def stage(self, index: int, x: str) -> str:
        spec = self.spec
        filters = round_channels(spec.filters[index], spec.width)
        stride = spec.dialect.first_stage_stride if index == 0 else 2
        rates = spec.block_drop_path_rates()[index]
        built = 2 if len(set(rates[1:])) == 1 else len(rates)
        stage = spec.stages[index]
        start = 0
        for block, rate in enumerate(rates[:built]):
            start = len(self.layers)
            x = self.block(
                f"{stage}/block{block}",
                x,
                filters=filters,
                stride=stride if block == 0 else 1,
                projection=block == 0,
                drop_path_rate=rate,
            )
        if spec.blocks[index] > built:
            x = self.repeat(self.layers[start:], stage, spec.blocks[index])
        return x

    def repeat(self, pattern: list[Layer], stage: str, blocks: int) -> str:
        """Repeat block 1 under other paths, up to the last block, each reading the one before."""
        inside = f"{stage}/block1/"
        previous, current = f"{stage}/block0/", inside
        cut = len(inside)
        shapeless = [
            (path[cut:], op, [n[cut:] if n.startswith(inside) else None for n in inputs], shape)
            for path, op, inputs, shape, *_ in pattern
        ]
        for block in range(2, blocks):
            previous, current = current, f"{stage}/block{block}/"
            entry = f"{previous}out"
            self.layers += [
                Layer(
                    current + path,
                    op,
                    tuple([entry if name is None else current + name for name in inputs]),
                    shape,
                )
                for path, op, inputs, shape in shapeless
            ]
        x = self.layers[-1].path
        self.shapes[x] = self.layers[-1].shape
        return x

    def block(
        self,
        path: str,
        x: str,
        *,
        filters: int,
        stride: int,
        projection: bool,
        drop_path_rate: float,
    ) -> str:
        """Add one bottleneck block."""
        branch = x
        plan = ((1, filters), (3, filters), (1, filters * EXPANSION))
        for number, (kernel, width) in enumerate(plan, start=1):
            step = stride if number == self.spec.dialect.strided_conv else 1
            branch = self.conv(path, number, branch, kernel, width, step)
            branch = self.norm(f"{path}/bn{number}", branch)
            if number < len(plan):
                branch = self.activate(f"{path}/act{number}", branch)
        if self.spec.se_ratio > 0:
            branch = self.squeeze_and_excite(f"{path}/se", branch, filters)
        shortcut = self.shortcut(f"{path}/shortcut", x, filters, stride) if projection else x
        if drop_path_rate > 0:
            branch = self.add(f"{path}/drop", ops.DropPath(drop_path_rate), branch)
        return self.activate(f"{path}/out", self.add(f"{path}/add", ops.Add(), shortcut, branch))

    def squeeze_and_excite(self, path: str, x: str, filters: int) -> str:
        bias = self.spec.dialect.se_bias
        channels, hidden = self.shapes[x].channels, self.spec.se_filters(filters)
        gate = self.add(f"{path}/squeeze", ops.GlobalAvgPool(), x)
        gate = self.add(f"{path}/reshape", ops.Reshape(TensorShape(1, 1, channels)), gate)
        reduce = ops.Conv2D(
            kernel=1, in_channels=channels, filters=hidden, use_bias=bias, activation="relu"
        )
        expand = ops.Conv2D(
            kernel=1, in_channels=hidden, filters=channels, use_bias=bias, activation="sigmoid"
        )
        gate = self.add(f"{path}/expand", expand, self.add(f"{path}/reduce", reduce, gate))
        return self.add(f"{path}/excite", ops.Multiply(), x, gate)

    def shortcut(self, path: str, x: str, filters: int, stride: int) -> str:
        """Add a projection shortcut: pool, where the dialect has one, then 1x1, then norm."""
        dialect = self.spec.dialect
        when = dialect.shortcut_pool
        pooled = when == "always" or (when == "strided" and stride > 1)
        if pooled:
            x = self.add(f"{path}/pool", ops.AvgPool2D(2, stride), x)
        op = ops.Conv2D(
            kernel=1,
            stride=1 if pooled else stride,
            in_channels=self.shapes[x].channels,
            filters=filters * EXPANSION,
        )
        x = self.add(f"{path}/conv", op, x)
        if dialect.shortcut_norm == "unpooled" and pooled:
            return x
        return self.norm(f"{path}/bn", x)

    def head(self, x: str) -> None:
        spec = self.spec
        if spec.include_top:
            x = self.add("head/avg_pool", ops.GlobalAvgPool(), x)
            if spec.dropout_rate > 0:
                x = self.add("head/dropout", ops.Dropout(spec.dropout_rate), x)
            op = ops.Dense(
                in_channels=self.shapes[x].channels,
                units=spec.classes,
                activation=spec.classifier_activation,
            )
            self.add("head/classifier", op, x)
        elif spec.pooling == "avg":
            self.add("head/avg_pool", ops.GlobalAvgPool(), x)
        elif spec.pooling == "max":
            self.add("head/max_pool", ops.GlobalMaxPool(), x)
