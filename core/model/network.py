"""The MCE network: one shared backbone of segmentation-models-pytorch and K equal experts on its features;
and two decoders that smp lacks, the MCE authors' and that of a fully convolutional network.

Normalising the inputs, joining the experts and the file of the weights live elsewhere.
"""

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..base.errors import InputError, ModelError
from .card import Architecture, ModelCard
from .torch_setup import segmentation_models

ASPP_RATES = (12, 24, 36)
_ASPP_CHANNELS, _LOW_CHANNELS = 256, 48
#: Index of the features at stride 4 among those of an encoder, which begin with the input.
_STRIDE_4 = 2


class AuthorsDecoder(nn.Module):
    """DeepLabV3+ with plain convolutions (docs/science/methods.md section 1): ASPP of the last features,
    brought to stride 4 and joined behind the low-level ones. Tensor names are those of the published
    weights."""

    def __init__(self, encoder_channels: Sequence[int]):
        super().__init__()
        self.project = _convolution(encoder_channels[_STRIDE_4], _LOW_CHANNELS, 1)
        self.aspp = _Aspp(encoder_channels[-1])
        self.out_channels = _LOW_CHANNELS + _ASPP_CHANNELS

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Map the features of an encoder to `[B, 304, H / 4, W / 4]`."""
        low = self.project(features[_STRIDE_4])
        high = self.aspp(features[-1])
        size = (int(low.shape[-2]), int(low.shape[-1]))
        high = F.interpolate(high, size=size, mode="bilinear", align_corners=False)
        return torch.cat([low, high], dim=1)


class _Aspp(nn.Module):
    """Five views of the features: one pixel, three dilated, the whole image."""

    def __init__(self, in_channels: int):
        super().__init__()
        dilated = [_convolution(in_channels, _ASPP_CHANNELS, 3, rate) for rate in ASPP_RATES]
        pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), *_convolution(in_channels, _ASPP_CHANNELS, 1))
        self.convs = nn.ModuleList([_convolution(in_channels, _ASPP_CHANNELS, 1), *dilated, pooled])
        joined = _convolution(len(self.convs) * _ASPP_CHANNELS, _ASPP_CHANNELS, 1)
        self.project = nn.Sequential(*joined, nn.Dropout(0.1))

    def forward(self, x: Tensor) -> Tensor:
        views = [conv(x) for conv in self.convs]
        views[-1] = views[-1].expand_as(views[0])  # one pixel, which any interpolation spreads like this
        joined: Tensor = self.project(torch.cat(views, dim=1))
        return joined


class FcnDecoder(nn.Module):
    """Hands the last features of a dilated encoder to the heads, with dropout: a fully convolutional net."""

    def __init__(self, encoder_channels: Sequence[int]):
        super().__init__()
        self.dropout = nn.Dropout(0.1)
        self.out_channels = encoder_channels[-1]

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Map the features of an encoder to `[B, F, H / 8, W / 8]`."""
        dropped: Tensor = self.dropout(features[-1])
        return dropped


def dilate_last_stages(encoder: nn.Module) -> None:
    """Bring a ResNet to output stride 8 as torchvision does: a stage's first block keeps the dilation of the
    stage before, the others take the new one.

    Raises:
        ValueError: if the encoder has no stages called layer3 and layer4, or other blocks than a ResNet's.
    """
    before = 1
    for name, dilation in (("layer3", 2), ("layer4", 4)):
        stage = getattr(encoder, name, None)
        if not isinstance(stage, nn.Sequential):
            raise ValueError("it has no stages layer3 and layer4")
        for index, block in enumerate(stage):
            for module in block.modules():
                if isinstance(module, nn.Conv2d):
                    module.stride = (1, 1)
                    if module.kernel_size == (3, 3):
                        module.dilation = module.padding = (dilation if index else before,) * 2
        before = dilation


def _convolution(in_channels: int, out_channels: int, kernel: int, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(
            in_channels,
            out_channels,
            kernel,
            padding=dilation if kernel == 3 else 0,
            dilation=dilation,
            bias=False,
        ),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(inplace=True),
    )


UNET_WIDTHS = (256, 128, 64, 32, 16)  # of the decoder blocks at strides 16, 8, 4, 2, 1
#: What smp and timm raise for encoders that they do not have or cannot dilate.
_BUILD_ERRORS = (KeyError, ValueError, TypeError, RuntimeError, AttributeError, IndexError)
_RGB = {"r": 0, "red": 0, "g": 1, "green": 1, "b": 2, "blue": 2}


class Expert(nn.Sequential):
    """`Conv3x3 (no bias) -> BatchNorm -> ReLU -> Conv1x1 -> C logits`, in the order of the authors' code."""

    def __init__(self, in_channels: int, hidden: int, n_classes: int):
        super().__init__(
            nn.Conv2d(in_channels, hidden, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(hidden),
            nn.ReLU(inplace=True),
            nn.Conv2d(hidden, n_classes, kernel_size=1),
        )


class MceNetwork(nn.Module):
    """Encoder, decoder and K experts; the encoder wants sides that are multiples of `size_multiple`."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module, experts: Sequence[Expert], size_multiple: int):
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.experts = nn.ModuleList(experts)
        self.size_multiple = size_multiple

    def forward(self, x: Tensor) -> Tensor:
        """Map normalised `[B, n_bands, H, W]` to logits `[B, K, C, H, W]`, for any H and W.

        Sides that the encoder cannot take are padded evenly by repeating the edge, and cropped again.
        """
        return self.decide(self.encode(x), int(x.shape[-2]), int(x.shape[-1]))

    def encode(self, x: Tensor) -> list[Tensor]:
        """Return the encoder's features of `[B, n_bands, H, W]`, padded to sides that it can take."""
        top, bottom = self._padding(int(x.shape[-2]))  # plain numbers: converted models have fixed sides
        left, right = self._padding(int(x.shape[-1]))
        if top or bottom or left or right:
            x = F.pad(x, (left, right, top, bottom), mode="replicate")
        features: list[Tensor] = self.encoder(x)
        return features

    def decide(self, features: list[Tensor], height: int, width: int) -> Tensor:
        """Map the features of an input of `height` and `width` to logits `[B, K, C, height, width]`."""
        decoded = self.decoder(features)  # (B, F, H', W')
        logits = torch.cat([expert(decoded) for expert in self.experts], dim=1)  # (B, K C, H', W')
        (top, bottom), (left, right) = self._padding(height), self._padding(width)
        padded = (height + top + bottom, width + left + right)
        if tuple(logits.shape[-2:]) != padded:
            logits = F.interpolate(logits, size=padded, mode="bilinear", align_corners=False)
        logits = logits[..., top : top + height, left : left + width]
        return logits.unflatten(1, (len(self.experts), -1))

    def _padding(self, side: int) -> tuple[int, int]:
        missing = -side % self.size_multiple
        return missing // 2, missing - missing // 2


def build_network(card: ModelCard, *, encoder_weights: str | None = None, seed: int = 0) -> MceNetwork:
    """Build the network of a card, in training mode.

    Args:
        card: architecture, classes, experts and bands.
        encoder_weights: None for random weights (nothing is downloaded); the trainer may ask for "imagenet".
        seed: of the random weights; the global random state is left as it was.

    Raises:
        ModelError: if the encoder is unknown or cannot be used with this decoder.
        InputError: if published weights cannot be downloaded.
    """
    arch = card.architecture
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        backbone = _backbone(arch, card.n_bands)
        n_features = getattr(backbone.decoder, "out_channels", None) or _feature_channels(arch)
        experts = [Expert(n_features, arch.expert_channels, len(card.classes)) for _ in card.experts]
        _he_initialise(backbone.decoder, *experts)
        if encoder_weights is not None:
            pretrained = _downloaded(arch, encoder_weights)
            adopt_weights(backbone.encoder, pretrained, [band for s in card.sources for band in s.bands])
    if arch.encoder_depth < 5:
        _drop_unused_stages(backbone.encoder, card.n_bands)
    multiple = 2**arch.encoder_depth if arch.decoder == "unet" else _output_stride(arch)
    return MceNetwork(backbone.encoder, backbone.decoder, experts, multiple)


def _downloaded(arch: Architecture, weights: str) -> Any:
    """Return a three-band encoder with published weights, which are fetched unless they are here already."""
    try:
        return _backbone(arch, 3, weights).encoder
    except OSError as error:  # of networks, too
        raise InputError(
            f"The {weights} weights of {arch.encoder} cannot be downloaded; connect to the internet or train "
            "without them."
        ) from error


def _backbone(arch: Architecture, n_bands: int, weights: str | None = None) -> Any:
    """Return a segmentation model of smp, or ours on its encoder; only encoder and decoder are used."""
    smp = segmentation_models()
    common: dict[str, Any] = {
        "encoder_name": arch.encoder,
        "encoder_depth": arch.encoder_depth,
        "encoder_weights": (True if arch.encoder.startswith("tu-") else weights) if weights else None,
        "in_channels": n_bands,
    }
    try:
        if arch.decoder == "unet":
            return _unet(smp, arch, common)
        if arch.decoder in ("deeplabv3plus_authors", "fcn"):
            return _on_dilated_encoder(smp, arch, common)
        return smp.DeepLabV3Plus(
            **common, encoder_output_stride=_output_stride(arch), decoder_channels=_feature_channels(arch)
        )
    except _BUILD_ERRORS as error:
        raise ModelError(
            f"The encoder {arch.encoder!r} is unknown or cannot be used with the decoder {arch.decoder} "
            f"({_first_line(error)}); choose another encoder of segmentation-models-pytorch or timm."
        ) from error


def _unet(smp: Any, arch: Architecture, common: dict[str, Any]) -> Any:
    """Return a U-Net whose decoder stops at `decoder_stride`."""
    from segmentation_models_pytorch.decoders.unet.decoder import UnetDecoder

    finest = _feature_channels(arch)
    n_blocks = arch.encoder_depth - int(math.log2(arch.decoder_stride))
    widths = [finest << (n_blocks - 1 - block) for block in range(n_blocks)]
    model = smp.Unet(**common, decoder_channels=UNET_WIDTHS[-arch.encoder_depth :])
    model.decoder = UnetDecoder(
        encoder_channels=model.encoder.out_channels,
        decoder_channels=widths,
        n_blocks=n_blocks,
        add_center_block=arch.encoder.startswith("vgg"),
    )
    return model


def _on_dilated_encoder(smp: Any, arch: Architecture, common: dict[str, Any]) -> Any:
    """Return an encoder at output stride 8 with a decoder of ours."""
    authors = arch.decoder == "deeplabv3plus_authors"
    encoder = smp.encoders.get_encoder(
        arch.encoder,
        in_channels=common["in_channels"],
        depth=arch.encoder_depth,
        weights=common["encoder_weights"],
        output_stride=32 if authors else 8,
    )
    if authors:
        dilate_last_stages(encoder)
    decoder = AuthorsDecoder(encoder.out_channels) if authors else FcnDecoder(encoder.out_channels)
    return SimpleNamespace(encoder=encoder, decoder=decoder)


def _drop_unused_stages(encoder: nn.Module, n_bands: int) -> None:
    """Replace what a forward pass never reaches: smp keeps the stages beyond the depth asked for."""
    reached: set[nn.Module] = set()
    hooks = [m.register_forward_pre_hook(lambda m, _: reached.add(m)) for m in encoder.modules()]
    with torch.no_grad():
        encoder.eval()(torch.zeros(1, n_bands, 64, 64))
    encoder.train()
    for hook in hooks:
        hook.remove()
    for parent in list(encoder.modules()):
        for name, child in list(parent.named_children()):
            if reached.isdisjoint(child.modules()) and next(child.parameters(), None) is not None:
                setattr(parent, name, nn.Identity())


def _output_stride(arch: Architecture) -> int:
    return arch.encoder_output_stride or (16 if arch.decoder == "deeplabv3plus" else 8)


def _feature_channels(arch: Architecture) -> int:
    """Width of the decoder's last features, which the experts read."""
    if arch.decoder == "deeplabv3plus":
        return arch.decoder_channels or 256
    return arch.decoder_channels or UNET_WIDTHS[4 - int(math.log2(arch.decoder_stride))]


def _he_initialise(*modules: nn.Module) -> None:
    """He et al. 2015 for convolutions, zero mean and unit scale for normalisation layers."""
    for module in (child for parent in modules for child in parent.modules()):
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_in", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()


def adopt_weights(encoder: nn.Module, pretrained: nn.Module, bands: Sequence[str]) -> None:
    """Copy the weights of a three-band (red, green, blue) encoder into the same encoder for other bands."""
    encoder.load_state_dict(
        {
            name: spread_rgb(tensor, bands) if tensor.dim() == 4 and tensor.shape[1] == 3 else tensor
            for name, tensor in pretrained.state_dict().items()
        }
    )


def spread_rgb(weight: Tensor, bands: Sequence[str]) -> Tensor:
    """Return first-convolution weights `[O, n_bands, h, w]` made of those for RGB `[O, 3, h, w]`.

    Bands named as red, green or blue keep their weights; any other copies red's (the paper's section III-C).
    """
    return weight[:, [_RGB.get(band.lower(), 0) for band in bands]].clone()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:120]
